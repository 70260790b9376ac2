"""CooldownAdvice and GradientNoise in a PyTorch loop."""

import numpy as np
import pytest
import torch

import glidepath as gp
from glidepath.analysis import Advice, Difference
from glidepath.errors import ArgumentError
from glidepath.torch import CooldownAdvice, GradientNoise, Scheduler

TOTAL = 400


class Known:
    """An adviser that answers what it is told to, and keeps what it was told."""

    def __init__(self, due_at=None):
        self.seen, self.traces, self.plans, self._due = [], [], [], due_at

    def saw(self, step, loss, rate):
        self.seen.append((step, loss, rate))

    def noisy(self, trace):
        self.traces.append(trace)

    def advise(self, plan=None, *, ahead=False):
        self.plans.append((plan, ahead))
        step = self.seen[-1][0]
        gain = Difference(-0.08, -0.10, -0.06, ())
        begin = self._due if ahead else None
        return Advice(step, 50, gain, begin, None, "law")


def flying(policy=None):
    weight = torch.nn.Parameter(torch.ones(3))
    optimizer = torch.optim.SGD([weight], lr=1.0, momentum=0.9)
    schedule = gp.linear(0, 0.1, 20) >> gp.constant(0.1) if policy is None else policy
    return weight, optimizer, Scheduler(optimizer, schedule, total=TOTAL)


def train(optimizer, scheduler, weight, updates):
    for _ in range(updates):
        optimizer.zero_grad()
        (weight**2).sum().backward()
        optimizer.step()
        scheduler.step()


def test_the_adviser_hears_the_rate_of_the_last_update_and_its_answer_is_passed_on():
    weight, optimizer, scheduler = flying()
    adviser = Known()
    advice = CooldownAdvice(adviser, scheduler)
    assert advice.saw(9.0) is None, "before the first update"
    train(optimizer, scheduler, weight, 10)
    assert advice.saw(torch.tensor(2.5)) == "a cool-down now would give about −0.08 ± 0.02"
    assert adviser.seen == [(10, 2.5, pytest.approx(0.1 * 9 / 20))]
    assert adviser.plans == [(scheduler.plan, False)]
    assert advice.applied_at is None


def test_it_begins_the_cool_down_in_time_if_it_may():
    weight, optimizer, scheduler = flying()
    advice = CooldownAdvice(Known(due_at=150), scheduler, apply=True)
    train(optimizer, scheduler, weight, 100)
    assert "begins" not in advice.saw(1.0)
    train(optimizer, scheduler, weight, 100)
    assert "it begins, over 200 updates" in advice.saw(1.0)
    assert advice.applied_at == 200
    assert scheduler.plan.total_steps == TOTAL
    np.testing.assert_allclose(scheduler.plan([199, 200, 300]), [0.1, 0.1, 0.05])
    assert advice.saw(1.0) is None


def test_off_by_default():
    weight, optimizer, scheduler = flying()
    advice = CooldownAdvice(Known(due_at=0), scheduler)
    train(optimizer, scheduler, weight, 100)
    assert "begins" not in advice.saw(1.0)
    assert float(scheduler.plan(TOTAL - 1)) == pytest.approx(0.1)


def test_what_is_none_is_refused():
    _, optimizer, scheduler = flying()
    with pytest.raises(ArgumentError, match="Adviser"):
        CooldownAdvice(object(), scheduler)
    with pytest.raises(ArgumentError, match="Scheduler"):
        CooldownAdvice(Known(), optimizer)


@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_the_trace_of_known_gradients(momentum):
    weight, scale = torch.nn.Parameter(torch.zeros(3)), np.asarray([1.0, 2.0, 3.0])
    optimizer = torch.optim.SGD([weight], lr=0.1, momentum=momentum)
    noise = GradientNoise(optimizer)
    drawn = np.random.default_rng(0).normal(size=(30, 3)) * scale
    for index, gradient in enumerate(drawn):
        assert (noise.trace is None) == (index < 8)
        weight.grad = torch.tensor(gradient, dtype=torch.float32)
        noise.saw()
    assert noise.trace == pytest.approx(0.1 / (1 - momentum) * variance(drawn).sum(), rel=1e-4)


def variance(drawn):
    """By how far consecutive gradients lie apart, as `glidepath.keras.GradientNoise` has it."""
    return np.mean(np.diff(drawn, axis=0) ** 2, axis=0) / 2


@pytest.mark.parametrize("slope", [0.0, 1.0])
def test_drift_is_no_noise_and_old_noise_is_forgotten(slope):
    weight = torch.nn.Parameter(torch.zeros(200))
    noise = GradientNoise(torch.optim.SGD([weight], lr=0.1))
    rng = np.random.default_rng(0)
    for step in range(1300):
        loud = 10.0 if step < 100 else 1.0
        drawn = slope * 0.1 * step + loud * rng.normal(size=200)
        weight.grad = torch.tensor(drawn, dtype=torch.float32)
        noise.saw()
    assert noise.trace == pytest.approx(0.1 * 200, rel=0.05)


def test_adams_trace_is_divided_by_the_root_of_its_average():
    weight = torch.nn.Parameter(torch.zeros(2))
    optimizer = torch.optim.Adam([weight], lr=0.01, betas=(0.9, 0.99))
    noise = GradientNoise(optimizer)
    drawn = np.random.default_rng(1).normal(size=(40, 2)) * [1.0, 5.0]
    average = np.zeros(2)
    for gradient in drawn:
        weight.grad = torch.tensor(gradient, dtype=torch.float32)
        noise.saw()
        optimizer.step()
        average = 0.99 * average + 0.01 * gradient**2
    root = np.sqrt(average / (1 - 0.99**40)) + 1e-8
    assert noise.trace == pytest.approx(0.01 * np.sum(variance(drawn) / root), rel=1e-3)


def test_the_noise_reaches_the_adviser():
    weight, optimizer, scheduler = flying()
    noise, adviser = GradientNoise(optimizer), Known()
    advice = CooldownAdvice(adviser, scheduler, noise=noise)
    train(optimizer, scheduler, weight, 5)
    advice.saw(1.0)
    assert adviser.traces == []
    for _ in range(8):
        noise.saw()
    advice.saw(1.0)
    assert adviser.traces == [noise.trace]

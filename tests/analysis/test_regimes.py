"""The regime of the rate from a loss alone, on real trainings of a small network."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from synthetic import constant, run

from glidepath.analysis import LoggedRun, diagnose
from glidepath.analysis.beside import by_others
from glidepath.analysis.rates import RateCurve
from glidepath.analysis.regimes import by_shape

RATES = np.asarray([1e-4, 1e-3, 0.1, 0.3, 10.0, 1000.0])
EPOCHS, BATCH = 40, 32


@cache
def trained():
    """Training and validation losses at all rates, of a network of one hidden layer; plain SGD."""
    x, y = load_breast_cancer(return_X_y=True)
    x = (x - x.mean(0)) / x.std(0)
    draw = np.random.default_rng(0)
    order = draw.permutation(len(x))
    rows, held = order[:400], order[400:]
    y = np.where(draw.random(len(y)) < 0.05, 1 - y, y)
    lanes = RATES.size
    hidden = np.repeat(draw.normal(size=(1, 30, 16)) / 5, lanes, axis=0)
    out = np.repeat(draw.normal(size=(1, 16, 1)) / 4, lanes, axis=0)
    training, validation = [], []

    def passed(rows):
        inner = np.tanh(x[rows] @ hidden)
        score = np.clip((inner @ out)[..., 0], -500, 500)
        return inner, score, np.logaddexp(0, score) - y[rows] * score

    for _ in range(EPOCHS):
        for batch in draw.permutation(rows)[:384].reshape(-1, BATCH):
            inner, score, loss = passed(batch)
            training.append(loss.mean(1))
            error = ((1 / (1 + np.exp(-score)) - y[batch]) / BATCH)[..., None]
            back = (error * out.transpose(0, 2, 1)) * (1 - inner**2)
            out = out - RATES[:, None, None] * (inner.transpose(0, 2, 1) @ error)
            hidden = hidden - RATES[:, None, None] * (x[batch].T @ back)
        validation.append(passed(held)[2].mean(1))
    return np.stack(training), np.stack(validation)


def logged(rate, kind="validation"):
    training, validation = trained()
    lane = int(np.argmin(np.abs(np.log(RATES / rate))))
    total = len(training)
    series = {
        "train": (np.arange(1.0, total + 1), training[:, lane]),
        "validation": (total / EPOCHS * np.arange(1, EPOCHS + 1), validation[:, lane]),
    }
    others = {"train_loss": series["train"]} if kind == "validation" else {}
    rates = RateCurve(np.zeros(1), RATES[[lane]], total)
    return LoggedRun(f"{rate:g}", *series[kind], rates, kind, others)


@pytest.mark.parametrize(
    ("rate", "kind"),
    [
        (1e-4, "too small"),
        (1e-3, "too small"),
        (0.1, "good"),
        (0.3, "good"),
        (10.0, "at the edge"),
    ],
)
def test_a_constant_rate_is_told_by_the_shape_of_its_validation_loss(rate, kind):
    found = by_shape(logged(rate))
    assert found.kind == kind
    assert found.confidence in ("high", "moderate")


@pytest.mark.parametrize(("rate", "kind"), [(1e-3, "too small"), (0.3, "good")])
def test_a_training_loss_tells_less(rate, kind):
    assert by_shape(logged(rate, "train")).kind == kind
    assert by_shape(logged(0.3, "train")).confidence == "low"


def test_a_rate_far_too_large_is_called_diverging_or_at_the_edge():
    assert diagnose(logged(1000.0)).regime in ("diverging", "at the edge")


def decayed(rate):
    """The same losses, as if the rate had come down to zero at the end."""
    run = logged(rate)
    fall = RateCurve(np.asarray([0.0, 400, 479]), np.asarray([1.0, 1, 0]) * rate, run.total)
    return replace(run, rates=fall)


def test_runs_at_other_rates_decide(monkeypatch):
    monkeypatch.setattr("glidepath.analysis.diagnosis._fitted", lambda run: (None, "not asked"))
    runs = [decayed(rate) for rate in RATES]
    told = [diagnose(run, beside=[r for r in runs if r is not run]) for run in runs]
    assert [found.regime for found in told[:2]] == ["too small", "too small"]
    assert told[3].regime == "good"
    assert told[4].regime == "at the edge"
    assert "of 6 rates of this task" in told[0].evidence and told[0].confidence == "high"
    best = diagnose(runs[3], beside=runs[:3])
    assert best.regime == "good or a little small" and "none is higher" in best.evidence


def test_of_runs_that_never_came_down_only_too_small_a_rate_is_told_by_others():
    runs = [logged(rate) for rate in RATES]
    assert by_others(runs[1], runs).kind == "too small"
    assert by_others(runs[4], runs) is None, "its noise holds it up; its shape tells"
    lowest = min(runs, key=lambda run: run.loss[-3:].mean())
    found = by_others(lowest, runs)
    assert (found.kind, found.confidence) == ("good or a little small", "moderate")


def test_only_runs_of_one_task_length_and_schedule_are_compared():
    small, large = logged(1e-3), logged(0.3)
    longer = replace(large, rates=RateCurve(np.zeros(1), large.rates.rates, 2 * large.total))
    falling = replace(
        large, rates=RateCurve(np.asarray([0.0, 479]), np.asarray([0.3, 0]), large.total)
    )
    steps, losses = large.others["train_loss"]
    another = replace(large, others={"train_loss": (steps, 3 * losses)})
    same = replace(large, rates=small.rates)
    for other in (longer, falling, another, same, logged(0.3, "train")):
        assert "rates of this task" not in diagnose(small, beside=[other]).evidence
    assert "rates of this task" in diagnose(small, beside=large).evidence


def test_a_log_that_begins_late_or_is_short_says_less():
    slow = logged(1e-3)
    late = slow.step > 0.3 * slow.total
    cut = replace(slow, step=slow.step[late], loss=slow.loss[late], others={})
    assert "took" not in by_shape(cut).evidence
    few = replace(slow, step=slow.step[:8], loss=slow.loss[:8], others={})
    assert by_shape(few).kind == "unknown"
    rates = RateCurve(np.zeros(1), np.ones(1), 100)
    flat = LoggedRun("flat", np.arange(1.0, 101), np.full(100, 2.3), rates)
    assert by_shape(flat).kind == "too small" and by_shape(flat).confidence == "low"


@pytest.mark.parametrize(
    ("noise", "kind"),
    [(0.0001, "too small"), (0.0005, "good or a little small"), (0.003, "good")],
)
def test_a_validation_loss_that_falls_without_noise_asks_for_a_larger_rate(noise, kind):
    """It falls by 3 % in the last half, as that of a large model does, half of the whole early."""
    assert by_shape(run(rates=constant(), noise=noise, of="validation")).kind == kind

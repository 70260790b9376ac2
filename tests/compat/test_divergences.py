"""docs/divergences.md: every row is demonstrated here with the native object, and nothing else."""

from __future__ import annotations

import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest

import glidepath as gp

PAGE = Path(__file__).parents[2] / "docs" / "divergences.md"


def table(text):
    """The cells of a Markdown table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|\n ").split("|")] for line in lines[2:]]


RATES, ARGUMENTS, VALUES = map(
    table, re.split("## Arguments|## Values", PAGE.read_text(encoding="utf-8"))
)
compat = gp.compat
DEMONSTRATIONS = {}


def demonstrates(row):
    def enter(function):
        DEMONSTRATIONS[row] = function
        return function

    return enter


def rate_of(schedule, k):
    return float(gp.as_policy(schedule).plan(k + 1)(k))


def stepped(make, lr, steps):
    """The rates of a native torch scheduler at the updates 0, …, steps − 1."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr, momentum=0.9)
    scheduler, rates = make(torch.optim.lr_scheduler, optimizer), []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(steps):
            rates.append(float(optimizer.param_groups[0]["lr"]))
            optimizer.step()
            scheduler.step()
    return rates


@demonstrates("torch.CosineAnnealingLR")
def cosine_annealing():
    native = stepped(lambda s, o: s.CosineAnnealingLR(o, 10), 1.0, 21)
    ours = compat.torch.CosineAnnealingLR(1.0, 10).plan(21).table()
    np.testing.assert_allclose(native[:11], ours[:11], atol=1e-12)
    assert native[11] > 0.02 and native[20] == pytest.approx(1.0)
    assert ours[11:].max() == 0.0


@demonstrates("torch.CosineAnnealingWarmRestarts")
def warm_restarts():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, 10, 3)
    scheduler.step(1210)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.0)
    assert rate_of(compat.torch.CosineAnnealingWarmRestarts(1.0, 10, 3), 1210) == 1.0
    assert stepped(lambda s, o: s.CosineAnnealingWarmRestarts(o, 10, 3), 1.0, 1211)[1210] == 1.0


@demonstrates("torch.OneCycleLR")
def one_cycle_end():
    native = stepped(lambda s, o: s.OneCycleLR(o, 1.0, 10), 1.0, 10)
    with pytest.raises(ValueError, match="Tried to step 11 times"):
        stepped(lambda s, o: s.OneCycleLR(o, 1.0, 10), 1.0, 12)
    assert rate_of(compat.torch.OneCycleLR(1.0, 10), 12) == pytest.approx(native[9])


@demonstrates("torch.OneCycleLR, pct_start·total = 1")
def one_cycle_start():
    with pytest.raises(ZeroDivisionError):
        stepped(lambda s, o: s.OneCycleLR(o, 1.0, 10, pct_start=0.1), 1.0, 1)
    assert rate_of(compat.torch.OneCycleLR(1.0, 10, pct_start=0.1), 0) == 1.0


@demonstrates("torch.ConstantLR, factor=0")
def constant_zero():
    with pytest.raises(ZeroDivisionError):
        stepped(lambda s, o: s.ConstantLR(o, 0.0, 3), 1.0, 4)
    assert compat.torch.ConstantLR(1.0, 0.0, 3).plan(5).table().tolist() == [0, 0, 0, 1, 1]


@demonstrates("torch.ConstantLR, total_iters=0")
def constant_empty():
    assert stepped(lambda s, o: s.ConstantLR(o, 0.5, 0), 1.0, 4) == [0.5] * 4
    assert compat.torch.ConstantLR(1.0, 0.5, 0).plan(4).table().tolist() == [1.0] * 4


@demonstrates("torch.LinearLR, total_iters=0")
def linear_empty():
    assert stepped(lambda s, o: s.LinearLR(o, 0.5, total_iters=0), 1.0, 4) == [0.5] * 4
    assert compat.torch.LinearLR(1.0, 0.5, total_iters=0).plan(4).table().tolist() == [1.0] * 4


@demonstrates("torch.ChainedScheduler of schedulers that set the rate")
def chained():
    def make(s, o):
        return s.ChainedScheduler([s.StepLR(o, 1, 0.5), s.LambdaLR(o, lambda k: 1.0)])

    assert stepped(make, 1.0, 4) == pytest.approx([1.0] * 4)
    both = [compat.torch.StepLR(1.0, 1, 0.5), compat.torch.LambdaLR(1.0, lambda k: 1.0)]
    table = compat.torch.ChainedScheduler(1.0, both).plan(4).table()
    assert table.tolist() == [1.0, 0.5, 0.25, 0.125]


@demonstrates("torch.SequentialLR with MultiplicativeLR second")
def sequential():
    def make(s, o):
        first, then = s.StepLR(o, 1, 0.5), s.MultiplicativeLR(o, lambda k: 0.9)
        return s.SequentialLR(o, [first, then], [2])

    assert stepped(make, 1.0, 4) == pytest.approx([1.0, 0.5, 0.45, 0.405])
    both = [compat.torch.StepLR(1.0, 1, 0.5), compat.torch.MultiplicativeLR(1.0, lambda k: 0.9)]
    table = compat.torch.SequentialLR(both, [2]).plan(4).table()
    assert table.tolist() == pytest.approx([1.0, 0.5, 1.0, 0.9])


def plateau(metrics, lr=1.0, **arguments):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    native = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **arguments)
    controller = compat.torch.ReduceLROnPlateau(lr, **arguments).controllers[0]
    state = controller.init()
    for metric in metrics:
        native.step(metric)
        state = controller.update(state, metric, controller.apply(state, lr))
    return optimizer.param_groups[0]["lr"], controller.apply(state, lr)


@demonstrates("torch.ReduceLROnPlateau, negative metric")
def plateau_negative():
    native, ours = plateau([-1.0] * 9, patience=0, threshold=0.1)
    assert native == 1.0  # -1 < -1·(1 − 0.1): a metric that stands still "improves"
    assert ours == pytest.approx(0.1**8)


def keras_rate(name, k, jit=False, **arguments):
    keras = pytest.importorskip("keras", reason="keras is not installed")
    if jit and keras.backend.backend() != "jax":
        pytest.skip("on JAX")
    schedule = getattr(keras.optimizers.schedules, name)(1.0, **arguments)
    if jit:
        import jax

        return float(jax.jit(schedule)(k))
    return float(keras.ops.convert_to_numpy(schedule(k)))


@demonstrates("keras.CosineDecayRestarts")
def keras_restarts():
    arguments = {"first_decay_steps": 20, "t_mul": 1.1}
    assert keras_rate("CosineDecayRestarts", 42, **arguments) == pytest.approx(0.0, abs=1e-6)
    assert rate_of(compat.keras.CosineDecayRestarts(1.0, **arguments), 42) == 1.0


@demonstrates("keras.ExponentialDecay, staircase, on JAX under jit")
def keras_reciprocal():
    arguments = {"decay_steps": 41, "decay_rate": 0.5, "staircase": True}
    assert keras_rate("ExponentialDecay", 41, jit=True, **arguments) == 1.0
    assert rate_of(compat.keras.ExponentialDecay(1.0, **arguments), 41) == 0.5


@demonstrates("keras.PolynomialDecay, power=1.5, on JAX under jit")
def keras_nan():
    arguments = {"decay_steps": 3, "end_learning_rate": 0.25, "power": 1.5}
    assert math.isnan(keras_rate("PolynomialDecay", 3, jit=True, **arguments))
    assert rate_of(compat.keras.PolynomialDecay(1.0, **arguments), 3) == 0.25


@demonstrates("keras.ExponentialDecay, staircase, long runs")
def keras_long():
    arguments = {"decay_steps": 2**24 + 1, "decay_rate": 0.5, "staircase": True}
    assert keras_rate("ExponentialDecay", 2**24, **arguments) == 0.5
    assert compat.keras.ExponentialDecay(1.0, **arguments).plan()(2**24) == 1.0


@demonstrates("optax.exponential_decay, staircase, under jit")
def optax_reciprocal():
    optax, jax = (
        pytest.importorskip("optax", reason="optax is not installed"),
        pytest.importorskip("jax", reason="jax is not installed"),
    )
    native = optax.exponential_decay(1.0, 55, 0.5, staircase=True)
    assert (float(native(55)), float(jax.jit(native)(55))) == (0.5, 1.0)
    assert rate_of(compat.optax.exponential_decay(1.0, 55, 0.5, staircase=True), 55) == 0.5


@demonstrates("optax.exponential_decay, staircase, long runs")
def optax_long():
    optax, jnp = (
        pytest.importorskip("optax", reason="optax is not installed"),
        pytest.importorskip("jax.numpy", reason="jax is not installed"),
    )
    native = optax.exponential_decay(1.0, 2**24 + 1, 0.5, staircase=True)
    ours = compat.optax.exponential_decay(1.0, 2**24 + 1, 0.5, staircase=True)
    assert float(native(jnp.int32(2**24))) == 0.5
    assert ours.plan()(2**24) == 1.0


def transformer_rates(name, warmup, training, steps, **special):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    return stepped(
        lambda s, o: transformers.get_scheduler(name, o, warmup, training, special), 1.0, steps
    )


@demonstrates("transformers.cosine")
def transformers_cosine():
    native = transformer_rates("cosine", 0, 10, 21)
    assert native[10] == 0.0 and native[11] > 0.02 and native[20] == pytest.approx(1.0)
    ours = compat.transformers.get_scheduler("cosine", 1.0, 0, 10)
    assert rate_of(ours, 20) == 0.0


@demonstrates("transformers.cosine_with_min_lr")
def transformers_minimum():
    native = transformer_rates("cosine_with_min_lr", 0, 10, 21, min_lr=0.1)
    assert native[11] > 0.11 and native[20] == pytest.approx(1.0)
    ours = compat.transformers.get_scheduler("cosine_with_min_lr", 1.0, 0, 10, {"min_lr": 0.1})
    assert rate_of(ours, 20) == 0.1


@demonstrates("transformers.cosine_warmup_with_min_lr")
def transformers_warmup_minimum():
    native = transformer_rates("cosine_warmup_with_min_lr", 0, 10, 20, min_lr=0.1)
    assert native[9] == pytest.approx(0.1) and native[10] > 0.11
    name, special = "cosine_warmup_with_min_lr", {"min_lr": 0.1}
    ours = compat.transformers.get_scheduler(name, 1.0, 0, 10, special)
    assert rate_of(ours, 10) == pytest.approx(0.1)


@demonstrates("transformers.cosine_with_restarts")
def transformers_restarts():
    native = transformer_rates("cosine_with_restarts", 0, 66, 46, num_cycles=22)
    ours = compat.transformers.get_scheduler("cosine_with_restarts", 1.0, 0, 66, {"num_cycles": 22})
    assert native[45] == pytest.approx(0.0) and rate_of(ours, 45) == 1.0


@demonstrates("transformers.cosine, num_training_steps ≤ num_warmup_steps")
def transformers_empty():
    native = transformer_rates("cosine", 5, 5, 9)
    assert native[5:] == pytest.approx([1.0, 0.0, 1.0, 0.0])
    ours = compat.transformers.get_scheduler("cosine", 1.0, 5, 5).plan(9).table()
    np.testing.assert_allclose(ours[:7], native[:7], atol=1e-12)
    assert ours[7:] == pytest.approx([0.0, 0.0], abs=1e-12)


def greedy(metrics, lr, **special):
    """The rates after the last metric: of GreedyLR, and of the policy."""
    transformers, torch = (
        pytest.importorskip("transformers", reason="transformers is not installed"),
        pytest.importorskip("torch", reason="torch is not installed"),
    )
    opt = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=lr)
    made = transformers.get_scheduler("greedy", opt, scheduler_specific_kwargs=special)
    for metric in metrics:
        made.step(metric)
    native = float(opt.param_groups[0]["lr"])
    controller = compat.transformers.get_scheduler("greedy", lr, None, None, special).controllers[0]
    state = controller.init()
    for metric in metrics:
        state = controller.update(state, metric, 0.0)
    return native, controller.apply(state, lr)


@demonstrates("transformers.greedy, lr below its min_lr")
def transformers_greedy_minimum():
    with pytest.raises(gp.ArgumentError, match="must lie between min_lr and max_lr"):
        greedy([1.0] * 12, 5e-5)
    native, ours = greedy([1.0] * 30, 5e-5, min_lr=5e-5)
    assert native == ours == 5e-5
    native, ours = greedy([1.0] * 30, 0.1)
    assert native == pytest.approx(ours) == 0.1 * 0.95**2


@demonstrates("transformers.greedy, reset_start")
def transformers_greedy_reset():
    native, ours = greedy([1.0] * 6, 1.0, patience=0, factor=0.5, min_lr=0.5, reset_start=2)
    assert (native, ours) == (1.0, 0.5)


def test_every_row_has_a_demonstration_and_every_demonstration_a_row():
    assert [row[0] for row in RATES] == list(DEMONSTRATIONS)


@pytest.mark.parametrize("row", RATES, ids=[re.sub(r"\W+", "-", row[0]) for row in RATES])
def test_no_row_leaves_out_what_where_or_why(row):
    name, native, since, ours = row
    assert name and native and since and ours


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, marks=[pytest.mark.keras] if row.startswith("keras") else [])
        for row in DEMONSTRATIONS
    ],
)
def test_the_native_one_diverges_as_the_row_says(row):
    DEMONSTRATIONS[row]()

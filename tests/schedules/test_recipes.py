"""Every recipe against its formula, written out in plain Python, update by update."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import glidepath as gp

TOTAL, PER_EPOCH = 240, 24
PI = math.pi


def sgdr(k: int, rate: float, first: int, stretch: float, decay: float, end: float) -> float:
    cycle, start = 0, 0
    while k >= start + round(first * stretch**cycle):
        start += round(first * stretch**cycle)
        cycle += 1
    length = round(first * stretch**cycle)
    peak = rate * decay**cycle
    return end + (peak - end) * (1 + math.cos(PI * (k - start) / length)) / 2


def smith(k: int, low: float, high: float, half: int, scale: Callable[[int, int], float]) -> float:
    cycle = math.floor(1 + k / (2 * half))
    x = abs(k / half - 2 * cycle + 1)
    return low + (high - low) * max(0.0, 1 - x) * scale(cycle, k)


def one_cycle(k: int, peak: float, start: float, end: float, up: int, down: int) -> float:
    if k < up:
        return start + (peak - start) * k / up
    if k < up + down:
        return peak + (start - peak) * (k - up) / down
    return start + (end - start) * (k - up - down) / (TOTAL - up - down)


def cool(k: int, shape: str, peak: float = 0.1, end: float = 0.001) -> float:
    warm, cooldown = 24, 48
    if k < warm:
        return peak * k / warm
    if k < TOTAL - cooldown:
        return peak
    u = (k - (TOTAL - cooldown)) / cooldown
    return {
        "linear": peak + (end - peak) * u,
        "sqrt": end + (peak - end) * (1 - math.sqrt(u)),
        "cosine": end + (peak - end) * (1 + math.cos(PI * u)) / 2,
        "exponential": peak * (end / peak) ** u,
    }[shape]


ROWS: dict[str, tuple[gp.Schedule | gp.Policy, Callable[[int], float]]] = {
    "constant": (gp.constant(0.3), lambda k: 0.3),
    "linear": (gp.linear(0.1, 0.7, 100), lambda k: 0.1 + 0.6 * min(k, 100) / 100),
    "linear down": (gp.linear(0.7, 0.1, "5ep"), lambda k: 0.7 - 0.6 * min(k, 120) / 120),
    "exponential": (gp.exponential_decay(0.1, 0.9, "1ep"), lambda k: 0.1 * 0.9 ** (k / 24)),
    "exponential staircase": (
        gp.exponential_decay(0.1, 0.9, "1ep", staircase=True),
        lambda k: 0.1 * 0.9 ** (k // 24),
    ),
    "Inception-v4": (
        gp.exponential_decay(0.045, 0.94, every="2ep", staircase=True),
        lambda k: 0.045 * 0.94 ** (k // 48),
    ),
    "0.95^epoch": (
        gp.exponential_decay(0.1, 0.95, every="1ep", staircase=True),
        lambda k: 0.1 * 0.95 ** (k // 24),
    ),
    "step": (gp.step_decay(0.1, 0.5, 50), lambda k: 0.1 * 0.5 ** (k // 50)),
    "ResNet steps": (
        gp.step_decay(0.1, 0.1, "3ep"),
        lambda k: 0.1 * 0.1 ** (k // 72),
    ),
    "inverse time": (
        gp.inverse_time_decay(0.1, 0.5, 30),
        lambda k: 0.1 / (1 + 0.5 * k / 30),
    ),
    "inverse time staircase": (
        gp.inverse_time_decay(0.1, 0.5, 30, staircase=True),
        lambda k: 0.1 / (1 + 0.5 * (k // 30)),
    ),
    "Keras's old decay=1e-4": (
        gp.inverse_time_decay(0.01, 1e-4, every=1),
        lambda k: 0.01 * (1.0 / (1.0 + 1e-4 * k)),
    ),
    "power": (gp.power_decay(0.1, "2ep", 1.5), lambda k: 0.1 / (1 + k / 48) ** 1.5),
    "power 1": (gp.power_decay(0.1, 20), lambda k: 0.1 / (1 + k / 20)),
    "polynomial": (
        gp.polynomial_decay(0.1, 0.02, 160, power=2.0),
        lambda k: (0.1 - 0.02) * (1 - min(k, 160) / 160) ** 2 + 0.02,
    ),
    "polynomial cycle": (
        gp.polynomial_decay(0.1, 0.02, 50, power=0.5, cycle=True),
        lambda k: (0.1 - 0.02) * (1 - k / (50 * max(1, math.ceil(k / 50)))) ** 0.5 + 0.02,
    ),
    "cosine": (
        gp.cosine_decay(0.1, "75%", end=0.01),
        lambda k: 0.01 + 0.09 * (1 + math.cos(PI * min(k, 180) / 180)) / 2,
    ),
    "restarts": (
        gp.cosine_restarts(0.1, 10, stretch=2.0),
        lambda k: sgdr(k, 0.1, 10, 2.0, 1.0, 0.0),
    ),
    "restarts stretched": (
        gp.cosine_restarts(0.1, 7, stretch=1.5, decay=0.8, end=0.001),
        lambda k: sgdr(k, 0.1, 7, 1.5, 0.8, 0.001),
    ),
    "restarts alike": (
        gp.cosine_restarts(0.1, "1ep", stretch=1.0, decay=0.9),
        lambda k: sgdr(k, 0.1, 24, 1.0, 0.9, 0.0),
    ),
    "piecewise": (
        gp.piecewise_constant([0.1, 0.01, 0.001], ["50%", "8ep"]),
        lambda k: 0.1 if k < 120 else 0.01 if k < 192 else 0.001,
    ),
    "triangular": (
        gp.triangular(0.01, 0.1, "1ep"),
        lambda k: smith(k, 0.01, 0.1, 24, lambda c, k: 1.0),
    ),
    "triangular2": (
        gp.triangular(0.01, 0.1, 17, mode="triangular2"),
        lambda k: smith(k, 0.01, 0.1, 17, lambda c, k: 1 / 2 ** (c - 1)),
    ),
    "exp_range": (
        gp.triangular(0.01, 0.1, 17, mode="exp_range", gamma=0.99),
        lambda k: smith(k, 0.01, 0.1, 17, lambda c, k: 0.99**k),
    ),
    "1cycle": (gp.one_cycle(0.4), lambda k: one_cycle(k, 0.4, 0.04, 0.0004, 108, 108)),
    "1cycle in full": (
        gp.one_cycle(0.4, start=0.1, end=0.001, up="2ep", down=72),
        lambda k: one_cycle(k, 0.4, 0.1, 0.001, 48, 72),
    ),
    "inverse sqrt": (
        gp.inverse_sqrt(0.1, "1ep"),
        lambda k: 0.1 * k / 24 if k < 24 else 0.1 * math.sqrt(24 / k),
    ),
    "ramp": (
        gp.exponential_ramp(1e-6, 10.0, 200),
        lambda k: 1e-6 * (10.0 / 1e-6) ** (min(k, 200) / 200),
    ),
    "function": (gp.from_function(lambda k: 1.0 / (k + 1)), lambda k: 1 / (k + 1)),
    "function of the epoch": (
        gp.from_function(lambda epoch: 0.5**epoch, by="epoch"),
        lambda k: 0.5 ** (k // 24),
    ),
    **{
        f"wsd {shape}": (
            gp.wsd(0.1, "10%", "20%", end=0.001, shape=shape),
            lambda k, shape=shape: cool(k, shape),
        )
        for shape in ("linear", "sqrt", "cosine", "exponential")
    },
}


@pytest.mark.parametrize("name", ROWS)
def test_formula(name: str) -> None:
    """The whole table, and the end, are the formula's: to the last digit but rounding."""
    schedule, formula = ROWS[name]
    plan = schedule.plan(total=TOTAL, steps_per_epoch=PER_EPOCH)
    expected = np.array([formula(k) for k in range(TOTAL + 1)])
    np.testing.assert_allclose(plan.table(), expected[:-1], rtol=1e-13, atol=1e-17)
    np.testing.assert_allclose(plan(TOTAL), expected[-1], rtol=1e-13, atol=1e-17)


@pytest.mark.parametrize("name", ROWS)
def test_scalar_array_and_table_are_the_same_number(name: str) -> None:
    """plan(k), plan(array) and the table agree exactly, and the end holds."""
    plan = ROWS[name][0].plan(total=TOTAL, steps_per_epoch=PER_EPOCH)
    table = plan.table()
    assert table.dtype == np.float64
    assert [plan(k) for k in range(TOTAL)] == table.tolist()
    assert plan(np.arange(TOTAL)).tolist() == table.tolist()
    assert isinstance(plan(3), float)
    assert plan(10 * TOTAL) == plan(TOTAL) == plan(np.array([TOTAL, 10**12]))[1]


def test_momentum_of_one_cycle() -> None:
    """Momentum falls while the rate rises, comes back, and stays for the rest."""
    plan = gp.one_cycle(0.4, momentum=(0.95, 0.85)).plan(total=100)
    assert plan.momentum is not None
    momentum = plan.momentum.table()
    assert momentum[0] == 0.95
    assert momentum[45] == 0.85
    assert (momentum[90:] == 0.95).all()
    np.testing.assert_allclose(momentum[9], 0.95 - 0.1 * 9 / 45, rtol=1e-14)
    assert plan.table("momentum").tolist() == momentum.tolist()


def test_one_cycle_with_cosine_legs() -> None:
    """Each leg is half a cosine."""
    plan = gp.one_cycle(1.0, anneal="cosine").plan(total=100)
    for k in range(45):
        assert plan(k) == pytest.approx(1.0 + (0.1 - 1.0) * (1 + math.cos(PI * k / 45)) / 2)
    assert plan(45) == 1.0
    assert plan(90) == 0.1
    assert plan(95) == pytest.approx((0.1 + 0.001) / 2)


def test_one_cycle_without_momentum_leaves_it_alone() -> None:
    """None is the optimizer's own."""
    assert gp.one_cycle(0.1, momentum=None).plan(total=100).momentum is None


def test_restarts_are_placed_by_summation() -> None:
    """A logarithm misplaces update 1,210 of first=10, stretch=3 (torch gives 0 there)."""
    plan = gp.cosine_restarts(1.0, 10, stretch=3.0).plan(total=2000)
    starts = [0, 10, 40, 130, 400, 1210]
    assert [float(plan(k)) for k in starts] == [1.0] * 6
    assert plan.learning_rate.marks() == starts


def test_steps_stay_exact_past_two_to_the_24() -> None:
    """float32 arithmetic would be off by one update here."""
    plan = gp.step_decay(1.0, 0.5, 2**24 + 1).plan()
    assert plan(2**24) == 1.0
    assert plan(2**24 + 1) == 0.5
    far = gp.piecewise_constant([1.0, 0.5], [2**40 + 1]).plan(total=2**41)
    assert far(2**40) == 1.0
    assert far(2**40 + 1) == 0.5
    assert far(np.array([2**40, 2**40 + 1, 2**41, 2**45])).tolist() == [1.0, 0.5, 0.5, 0.5]


def test_exact_ends() -> None:
    """What a shape ends in is exactly what was asked for, and so is the peak of a warm-up."""
    for over in (3, 7, 49, 1000):
        assert gp.linear(0.1, 0.7, over).plan(2000)(over) == 0.7
        assert gp.cosine_decay(0.1, over, end=0.03).plan(2000)(over) == 0.03
        assert gp.exponential_ramp(1e-6, 0.3, over).plan(2000)(over) == 0.3
        assert gp.polynomial_decay(0.1, 0.03, over).plan(2000)(over) == 0.03
        assert gp.inverse_sqrt(0.1, over).plan(2000)(over) == 0.1
        assert gp.wsd(0.1, over, over, 0.01).plan(2500)(over) == 0.1


def test_a_long_run_without_end_is_evaluated_block_by_block() -> None:
    """Pieces that lie across blocks, and far behind them, are where they belong."""
    plan = (gp.linear(0, 1, 5000) >> gp.linear(1, 0, 5000) >> gp.constant(0.5)).plan()
    for k in (0, 4095, 4096, 4999, 5000, 7777, 8191, 8192, 9999, 10_000, 20_000):
        expected = k / 5000 if k < 5000 else 1 - (k - 5000) / 5000 if k < 10_000 else 0.5
        assert plan(k) == pytest.approx(expected, rel=1e-12), k
    cycles = (gp.linear(0, 1, 3000).repeat(3) >> gp.constant(2)).plan()
    for k in (0, 2999, 3000, 4095, 4096, 5999, 6000, 8192, 8999, 9000):
        assert cycles(k) == (k % 3000 / 3000 if k < 9000 else 2), k
    scattered = cycles(np.array([8999, 0, 9000, 4096]))
    assert scattered.tolist() == [2999 / 3000, 0.0, 2.0, 1096 / 3000]


def test_a_composition_is_cut_in_any_phase() -> None:
    """The end of the run may lie in any part of it."""
    schedule = gp.linear(0, 1, 60) >> gp.linear(1, 0, 60) >> gp.constant(0.5)
    for total in (30, 60, 90, 120, 150):
        table = schedule.plan(total, strict=False).table()
        assert table.tolist() == schedule.plan(1000).table()[:total].tolist()


def test_shares_round_to_the_nearest_update() -> None:
    """75 % of 5 updates is the update 4, and 50 % of 5 the even 2."""
    plan = gp.piecewise_constant([1, 2, 3], ["50%", "75%"]).plan(5)
    assert plan.table().tolist() == [1, 1, 2, 2, 3]


def test_one_negative_update_among_others_is_refused() -> None:
    """No wrapping around from the end of the table."""
    with pytest.raises(gp.ArgumentError, match="must not be negative"):
        gp.constant(0.1).plan(10)(np.array([5, -1]))

"""What is drawn is what was recorded: spreads, decimation, formats."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from factory import flying, study
from hypothesis import given
from hypothesis import strategies as st

import glidepath as gp
from glidepath.studies.recommend import decimals
from glidepath.viewing import numbers
from glidepath.viewing.marks import Slot, lanes, slots
from glidepath.viewing.series import applied, broken, decimate, moves, spans_decades, spread


def test_the_spread_is_over_the_seeds_that_finished() -> None:
    policy = next(p for p in study().policies if p.name == "triangular")
    item = spread(policy, "validation", "accuracy")
    assert item is not None
    rows = [r.curve("validation", "accuracy")[1] for r in policy.records if r.outcome == "finished"]
    assert item.runs == len(rows) == 3
    assert np.array_equal(item.mean, np.mean(rows, axis=0))
    assert np.array_equal(item.low, np.min(rows, axis=0))
    assert np.array_equal(item.high, np.max(rows, axis=0))
    assert [run.seed for run in broken(policy, "validation", "accuracy")] == [1, 3]


def test_seeds_that_flew_the_same_are_drawn_once() -> None:
    found = {p.name: len(applied(p, "learning_rate")) for p in study().policies}
    assert found.pop("plateau") == 5
    assert set(found.values()) == {1}


@pytest.mark.parametrize(
    "schedule",
    [
        gp.step_decay(0.1, 0.1, 1_234),
        gp.triangular(0.001, 0.1, 777),
        gp.linear(0, 0.1, 300) >> gp.cosine_decay(0.1, 19_700),
        gp.exponential_decay(0.1, 1e-4, "100%"),
        gp.wsd(0.1, 500, 4000),
    ],
)
def test_decimated_rates_cannot_be_told_from_all(schedule: gp.Schedule) -> None:
    table = schedule.plan(20_000).table().astype(np.float32).astype(np.float64)
    chosen = decimate(table)
    assert chosen.size <= 600
    assert chosen[0] == 0 and chosen[-1] == table.size - 1
    between = np.interp(np.arange(table.size), chosen, table[chosen])
    assert np.abs(between - table).max() < 0.004 * table.max()


def test_decimation_keeps_both_sides_of_a_jump() -> None:
    table = np.repeat([1.0, 0.1, 0.01], 5000)
    assert {4999, 5000, 9999, 10_000} <= set(decimate(table).tolist())


def test_when_an_axis_is_logarithmic() -> None:
    assert spans_decades([np.geomspace(1e-6, 1, 100)])
    assert spans_decades([np.repeat([1.0, 0.001], 50), np.ones(10)])
    assert not spans_decades([gp.cosine_decay(0.1, "100%").plan(500).table()])
    assert not spans_decades([np.zeros(5)])


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (0.0031623, "0.00316"), (3.2e-5, "3.2e-5"), (1e-6, "1e-6"), (0, "0"),
     (12.345, "12.3"), (None, "–"), (math.nan, "–"), (1e5, "100,000")],
)  # fmt: skip
def test_rates(value: float | None, text: str) -> None:
    assert numbers.rate(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.414, "0.41 s"), (9.97, "10 s"), (38.4, "38 s"), (125, "2 min 05 s"), (3720, "1 h 02 min")],
)
def test_seconds(value: float, text: str) -> None:
    assert numbers.seconds(value) == text


def test_plus_minus_and_signs() -> None:
    assert numbers.plus_minus(0.9666, (0.9586, 0.9746), 4) == "0.9666 ± 0.0080"
    assert numbers.plus_minus(0.9666, None, 3) == "0.967"
    assert numbers.plus_minus(None, None, 3) == "–"
    assert numbers.signed(-0.0031, 3) == "−0.003"
    assert numbers.signed(0.02, 3) == "+0.020"
    assert decimals([0.008, 0.0079], []) == 4
    assert decimals([], [0.97]) == 3
    assert decimals([12.0], [3000.0]) == 0


def test_words() -> None:
    assert numbers.plural(1, "policy") == "1 policy"
    assert numbers.plural(3, "policy") == "3 policies"
    assert numbers.listing(["a", "b", "c"]) == "a, b and c"
    assert numbers.listing([]) == ""


@given(st.lists(st.floats(0, 1), max_size=8).map(sorted))
def test_labels_in_a_row_never_overlap(places: list[float]) -> None:
    rows = lanes(places, 0.17)
    for row in set(rows):
        mine = [p for p, r in zip(places, rows, strict=True) if r == row]
        assert all(a + 0.17 <= b for a, b in itertools.pairwise(mine))


def _boxes(
    places: list[float], widths: list[float], found: list[Slot]
) -> list[tuple[int, float, float]]:
    return [
        (slot.row, *((p - w, p) if slot.left else (p, p + w)))
        for p, w, slot in zip(places, widths, found, strict=True)
    ]


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0.05, 0.3)), min_size=1, max_size=6).map(sorted),
    st.none() | st.floats(0, 1),
)
def test_labels_never_overlap(marks: list[tuple[float, float]], edge: float | None) -> None:
    places, widths = [p for p, _ in marks], [w for _, w in marks]
    boxes = _boxes(places, widths, slots(places, widths, edge))
    for (row, low, high), (other_row, other_low, other_high) in itertools.combinations(boxes, 2):
        assert row != other_row or high < other_low or other_high < low
    assert all(high <= 1 for _, _, high in boxes)


@given(st.lists(st.floats(0, 1), min_size=3, max_size=3, unique=True).map(sorted))
def test_no_line_to_a_label_crosses_another_label(places: list[float]) -> None:
    found = slots(places, [0.15] * 3)
    for index, (row, low, high) in enumerate(_boxes(places, [0.15] * 3, found)):
        others = [i for i in range(3) if i != index and found[i].row > row]
        assert not any(low <= places[other] <= high for other in others)


def test_what_none_moves_is_not_there() -> None:
    assert moves(flying({"fixed": 0.9, "cosine": 0.9}), "momentum") is None
    assert moves(flying({"fixed": None}), "momentum") is None


def test_who_moves_momentum_and_what_the_others_hold() -> None:
    ramp = np.linspace(0.95, 0.85, 174)
    found = moves(flying({"fixed": 0.9, "cosine": 0.9, "1cycle": ramp, "wsd": 0.8}), "momentum")
    assert found is not None
    assert [p.name for p in found.moved] == ["1cycle", "wsd"]
    assert (found.constant, found.others) == (pytest.approx(0.9), ("fixed", "cosine"))
    assert found.label == "the others (0.9)"
    alone = moves(flying({"fixed": 0.9, "1cycle": ramp}), "momentum")
    assert alone is not None and alone.label == "fixed (0.9)"
    every = moves(flying({"1cycle": ramp}), "momentum")
    assert every is not None and every.constant is None and not every.others

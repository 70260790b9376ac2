"""What the terminal shows fits 80 columns and says what the report says."""

from __future__ import annotations

import math

import numpy as np
import pytest
from factory import policies, range_test, study
from rich.console import Console

from glidepath.viewing import range_test_table, sparkline, study_table


def printed(renderable: object, width: int = 80) -> str:
    console = Console(width=width, no_color=True, force_terminal=False)
    with console.capture() as capture:
        console.print(renderable)
    return capture.get()


def test_a_study_in_80_columns() -> None:
    result = study()
    lines = printed(study_table(result)).splitlines()
    assert max(map(len, lines)) <= 80
    for policy in result.policies:
        (line,) = [x for x in lines if x[2:].startswith(f"{policy.name} ")]
        assert line.startswith("→") == (policy.name == result.recommended.name)
        if policy.metric_mean is not None:
            assert f"{policy.metric_mean:.4f} ± " in line
        if policy.to_fixed is not None:
            assert ("*" in line) == policy.to_fixed.distinct
        assert ("2 of 5" in line) == (policy.name == "triangular")
    assert {x.split()[0] for x in lines if x.startswith("  ")} >= set(policies()) - {
        result.recommended.name
    }


def test_the_plus_minus_signs_are_aligned() -> None:
    lines = [x for x in printed(study_table(study())).splitlines() if "±" in x and "half" not in x]
    assert len({x.index("±") for x in lines if "no mean" not in x}) == 1
    assert len({x.rindex("±") for x in lines if x.count("±") == 2}) == 1


def test_ties_are_said_in_words() -> None:
    result = study()
    words = " ".join(printed(study_table(result)).split())
    assert f"{result.recommended.name} cannot be told apart from" in words
    assert "the order among them may be chance" in words


def test_one_seed_and_no_fixed() -> None:
    words = printed(study_table(study(names=["cosine", "wsd"], seeds=(3,), diverged={})))
    assert "±" not in words
    assert "against fixed" not in words
    assert "With a single seed" in words


def test_all_diverged() -> None:
    result = study(names=["fixed", "wsd"], seeds=(0, 1), diverged={"fixed": (0, 1), "wsd": (0, 1)})
    words = printed(study_table(result))
    assert "no run finished" in words
    assert words.count("2 of 2") == 2
    assert "→" not in words


def test_names_are_not_read_as_markup() -> None:
    result = study(names=["fixed"], task="[red]digits[/nonsense]")
    assert "[red]digits[/nonsense]: use fixed" in printed(study_table(result))


def test_range_test() -> None:
    words = printed(range_test_table(range_test()))
    assert max(map(len, words.splitlines())) <= 80
    for part in ("steepest", "0.0129", "minimum/10", "0.0316", "valley", "0.0021 to 0.32", "2.74"):
        assert part in words
    assert "careful: The loss is noisy" in words
    assert "not before the sweep ended" in printed(range_test_table(range_test(diverges=False)))


@pytest.mark.parametrize(
    ("values", "width", "line"),
    [
        ([0, 1, 2, 3, 4, 5, 6, 7], 8, "▁▂▃▄▅▆▇█"),
        ([0, 0, 7, 7], 2, "▁█"),
        ([1, 1, 1], 3, "▄▄▄"),
        ([0, 0], 5, "▁▁"),
        ([0, math.nan, 1], 3, "▁·█"),
        ([math.inf], 3, "·"),
        ([], 5, ""),
        ([1, 2], 0, ""),
    ],
)
def test_sparklines(values: list[float], width: int, line: str) -> None:
    assert sparkline(values, width) == line


def test_a_long_sparkline_has_the_width() -> None:
    assert len(sparkline(np.linspace(0, 1, 1001), 60)) == 60

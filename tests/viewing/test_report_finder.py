"""The report's finder: every policy's peak, with what the range test alone would have set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from factory import study

from glidepath.finding import find
from glidepath.studies.result import StudyResult
from glidepath.studies.setting import range_test_peak
from glidepath.testing import ToyTrainer
from glidepath.viewing import numbers
from glidepath.viewing.report.found_plot import found_plot, range_test_peaks
from glidepath.viewing.report.page import all_plots, page

NAMES = ["fixed", "cosine", "1cycle"]


@pytest.fixture(scope="module")
def result() -> StudyResult:
    made = study(names=NAMES, diverged={}, epochs=6)
    trainer = ToyTrainer(steps_per_epoch=29)
    found = {
        policy.name: find(trainer, policy.policy, "6ep", effort="quick") for policy in made.policies
    }
    found["1cycle"] = replace(found["1cycle"], warnings=("the sky <b>falls</b>",))
    return replace(made, found=found)


def test_every_peak_is_in_the_table_with_its_interval_and_the_range_tests(
    result: StudyResult,
) -> None:
    html = page(result, "")
    section = html.split('id="finder"')[1].split("</section>", maxsplit=1)[0]
    for name, found in result.found.items():
        assert result.range_test is not None
        before = range_test_peak(name, result.range_test, 6, 29)
        low, high = map(numbers.rate, found.interval)
        cells = (numbers.rate(found.learning_rate), f"{low} to {high}", numbers.rate(before))
        row = section.split(f"<span>{name}</span>")[1].split("</tr>", maxsplit=1)[0]
        assert [f">{cell}</td>" in row for cell in cells] == [True] * 3
    assert "1cycle: the sky &lt;b&gt;falls&lt;/b&gt;" in section
    assert 'href="#finder"' in html
    assert "searches set their peak rates" in html


def test_the_plot_has_a_row_per_policy_and_a_ring_for_the_range_test(result: StudyResult) -> None:
    drawn = found_plot(result)
    rings, *peaks = drawn["traces"]
    assert drawn["layout"]["yaxis"]["ticktext"] == NAMES
    assert [trace["y"] for trace in peaks] == [[0], [1], [2]]
    for trace, found in zip(peaks, result.found.values(), strict=True):
        [at], low, high = trace["x"], *found.interval
        assert at == found.learning_rate
        assert at + trace["error_x"]["array"][0] == pytest.approx(high)
        assert at - trace["error_x"]["arrayminus"][0] == pytest.approx(low)
    assert rings["marker"]["symbol"] == "circle-open"
    assert set(range_test_peaks(result)) == set(NAMES)


def test_a_study_without_the_finder_has_no_such_section() -> None:
    made = study(names=NAMES, diverged={}, epochs=6)
    assert "found" not in all_plots(made)
    assert "#finder" not in page(made, "")

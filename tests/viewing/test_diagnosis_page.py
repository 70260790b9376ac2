"""The page of a diagnosis: what is on it, and that nothing gets in unescaped."""

import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
from synthetic import PEAK, TOTAL, constant, run, wsd

import glidepath as gp
from glidepath.analysis import diagnose, predict
from glidepath.errors import ArgumentError
from glidepath.viewing.figures import save
from glidepath.viewing.figures.predicted import prediction_figure

pytest.importorskip("plotly", reason="plotly is not installed")
from glidepath.viewing.report.diagnosis import diagnosis_page

EVIL = "<script>alert(1)</script>"


def ill():
    logged = run(rates=wsd(60, end=0.5 * PEAK), noise=0.0005, every=20)
    loss = logged.loss.copy()
    loss[[150, 220, 330]] *= 1.05
    return replace(logged, loss=loss, name=EVIL, warnings=(EVIL,))


@pytest.fixture(scope="module")
def found():
    return [diagnose(ill()), diagnose(run(rates=constant()))]


def test_the_page_has_every_run_with_its_advice_and_plots(found):
    page = diagnosis_page(found)
    for item in found:
        assert item.advice.split(":")[0][:60] in page
    plots = json.loads(re.search(r'id="plots">(.*?)</script>', page)[1])
    assert set(plots) == {"run0-loss", "run0-rate", "run1-loss", "run1-rate"}
    names = [trace.get("name") for trace in plots["run0-loss"]["traces"]]
    assert "under the recommended schedule" in names and "measured" in names
    assert [t["name"] for t in plots["run1-loss"]["traces"]] == ["measured"]
    assert plots["run0-loss"]["layout"]["shapes"][0]["x0"] == found[0].findings[0].step
    for key in plots:
        assert f'id="plot-{key}"' in page


def test_the_headline_counts_only_runs_that_can_tell(found):
    def headline(runs):
        return re.search(r"<h1>(.*?)</h1>", diagnosis_page(runs))[1]

    assert headline(found) == "2 runs: a better schedule would have helped 1 of 1 that can tell"
    assert headline([found[0]] * 2) == "2 runs: a better schedule would have helped 2 of 2"
    assert headline([found[1]] * 2).endswith("cannot be told")


def test_nothing_gets_in_unescaped_and_nothing_is_fetched(found):
    page = diagnosis_page(found)
    assert EVIL not in page
    body = page.split("<main>")[1].split("</main>")[0]
    assert not re.search(r'(?:src|href)="(?!#)', body)


def test_one_run_has_its_facts_in_front(found):
    page = diagnosis_page(found[:1])
    facts = page.split("</header>")[0]
    assert "a better schedule would have lowered the loss" in facts
    assert "at the edge" in facts
    assert f"{TOTAL:,}" in facts
    with pytest.raises(ArgumentError, match="at least one"):
        diagnosis_page([])


def test_the_figure_of_a_prediction_shows_what_was_predicted(tmp_path):
    logged = run(noise=0.001)
    policy = gp.wsd(PEAK, 200, "50%")
    answer = predict(logged, policy)
    figure = prediction_figure(answer, [logged], policy)
    top, below = figure.axes
    drawn = next(line for line in top.get_lines() if line.get_label() == "predicted")
    np.testing.assert_array_equal(drawn.get_ydata(), answer.mean)
    assert below.get_lines()[-1].get_ydata().max() == pytest.approx(PEAK)
    assert f"{answer.final:.4g}" in top.get_title("left")
    assert save(figure, tmp_path / "p.png").stat().st_size > 10_000

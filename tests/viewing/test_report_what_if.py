"""The report's "what if": predictions from the study's own runs, and refusals in plain words."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from factory import study

sys.path.insert(0, str(Path(__file__).parents[1] / "analysis"))
from synthetic import TOTAL, TRUE, constant, run, truth, wsd

from glidepath.analysis.rates import RateCurve, from_plan
from glidepath.analysis.what_if import what_if
from glidepath.training.records import Evaluation
from glidepath.viewing.report.what_if import _answer, what_if_section


def seeds(rates, count=2):
    return [replace(run(rates=rates, noise=0.001, seed=s), name=f"seed {s}") for s in range(count)]


def test_the_first_policy_that_can_answer_is_asked_and_is_right():
    high = wsd(60, end=0.5e-3)
    found = what_if([("flat", seeds(constant())), ("half", seeds(high)), ("other", seeds(wsd()))])
    assert (found.source, found.runs, list(found.refused)) == ("half", 2, ["flat"])
    own, best, longer = found.rows
    assert own.against is None and longer.against is None and longer.total == 2 * TOTAL
    end = np.asarray([float(TOTAL)])
    flown = from_plan(found.recommended.policy.plan(TOTAL))
    true = (truth("tempered-power", flown, end) - truth("tempered-power", high, end))[0]
    assert best.against.low <= true <= best.against.high < 0
    assert abs(own.final - truth("tempered-power", high, end)[0]) <= own.width
    short = replace(found.recommended, warnings=("a warm-up of 900 is shortened to 100",))
    page = "".join(map(str, _answer(replace(found, recommended=short))))
    assert "Careful: a warm-up of 900 is shortened to 100." in page


def test_runs_that_cannot_answer_are_named_with_their_reasons():
    cyclic = RateCurve(np.arange(0.0, TOTAL, 2500), np.asarray([0.1, 1, 0.1, 1]) * 1e-3, TOTAL)
    found = what_if([("none", []), ("flat", seeds(constant())), ("cyclic", seeds(cyclic))])
    assert found.source is None and found.rows == ()
    assert list(found.refused) == ["none", "flat", "cyclic"]
    assert "rises again" in found.refused["cyclic"]
    assert "cool-down" in found.refused["flat"]


def trained(result, seconds):
    """The study, had its training steps taken so long."""
    return replace(result, cost=replace(result.cost, steps=seconds))


def lawful(result, chosen):
    """The study with the runs of one policy following a law, and the others at one rate."""
    policies = []
    for policy in result.policies:
        records = []
        for record in policy.records:
            rates = record.series["learning_rate"]
            curve = RateCurve(np.arange(rates.size, dtype=float), rates, rates.size)
            steps = np.asarray([e.step for e in record.evaluations if e.split == "validation"])
            scaled = RateCurve(curve.steps, rates * 1e-3 / rates.max(), rates.size)
            loss = truth("tempered-power", scaled, steps.astype(float))
            evaluations = [
                Evaluation(int(step), i + 1, "validation", {"loss": float(value), "accuracy": 0.5})
                for i, (step, value) in enumerate(zip(steps, loss, strict=True))
            ]
            series = {**record.series, "loss": np.full(rates.size, 2.0)}
            series.pop("accuracy", None)
            records.append(replace(record, series=series, evaluations=tuple(evaluations)))
        keep = policy.name == chosen
        policies.append(replace(policy, records=tuple(records) if keep else ()))
    return replace(result, policies=tuple(policies))


def test_the_section_shows_the_table_of_a_study_that_can_answer(monkeypatch):
    monkeypatch.setitem(TRUE, "tempered-power", (2.8, 0.1, 0.5, 0.07, 250.0, 0.9))
    page = what_if_section(trained(lawful(study(names=["cosine", "fixed"]), "cosine"), 60.0))
    assert "<table" in page and "cosine, as it was" in page
    assert "twice as long" in page and "Nothing of this was trained" in page


def test_a_law_is_not_fitted_where_that_would_take_as_long_as_the_training():
    result = study(names=["fixed"])
    page = what_if_section(trained(result, 9.0))
    assert "Not asked" in page and "took 9" in page and "records of fixed" in page
    assert "Not asked" not in what_if_section(trained(result, 10.0))


def test_the_section_says_why_where_no_run_can_answer():
    page = what_if_section(trained(study(names=["fixed"]), 60.0))
    assert 'id="what-if"' in page and "<table" not in page
    assert "cannot be told from the runs of fixed" in page

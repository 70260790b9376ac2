"""Which policy is recommended and what is said of it, from records made by hand."""

import math
from dataclasses import replace

import numpy as np
import pytest

import glidepath as gp
from glidepath.studies.assemble import Flight, baseline, best, judged_on, results
from glidepath.studies.recommend import recommend
from glidepath.training import Evaluation, Metric, RunInfo, RunRecord

ACCURACY, ERROR = Metric("accuracy", True), Metric("error", False)


def record(name, seed, metric, validation, test, *, loss=0.5, outcome="finished", steps=20):
    info = RunInfo("t", name, None, seed, 20, 10, metric.name, metric.rising)
    evaluations = (
        Evaluation(10, 1, "validation", {"loss": 9.0, metric.name: validation / 2}),
        Evaluation(20, 2, "validation", {"loss": loss, metric.name: validation}),
        Evaluation(20, 2, "test", {"loss": loss, metric.name: test}),
    )
    kept = evaluations if outcome == "finished" else evaluations[:1]
    return RunRecord(info, {"loss": np.ones(steps)}, kept, outcome)


def flight(name, values, *, metric=ACCURACY, policy=None, **options):
    """`values`: (validation, test) by seed; None for a run that diverged."""
    records = tuple(
        record(name, seed, metric, 1, 1, outcome="diverged", **options)
        if value is None
        else record(name, seed, metric, *value, **options)
        for seed, value in enumerate(values)
    )
    return Flight(name, gp.as_policy(policy or gp.constant(0.1)), records)


def untested(found):
    """The flight of a task that has no test data."""
    kept = tuple(
        replace(r, evaluations=tuple(e for e in r.evaluations if e.split != "test"))
        for r in found.records
    )
    return Flight(found.name, found.policy, kept)


def test_without_test_data_the_validation_is_reported_and_called_so():
    flights = [flight("a", [(0.8, 0.1), (0.9, 0.1)]), flight("b", [(0.5, 0.9), (0.6, 0.9)])]
    assert judged_on(flights) == "test"
    flights = [untested(one) for one in flights]
    assert judged_on(flights) == "validation"
    assert [result.metric_mean for result in results(flights, ACCURACY)] == pytest.approx(
        [0.85, 0.55]
    )
    assert "no test data" in recommended(flights).reason
    assert judged_on([flight("a", [None])]) == "test"


def test_a_constant_rate_that_diverged_is_no_reference():
    wild, tame = flight("wild", [None, (0.5, 0.5)]), flight("tame", [(0.5, 0.5)] * 2)
    assert baseline([wild, tame]) is tame
    assert baseline([wild]) is None
    named = flight("fixed", [None, (0.5, 0.5)])
    assert baseline([tame, named]) is named


def recommended(flights, metric=ACCURACY, code_for=None):
    plan = gp.constant(0.1).plan(20, 10)
    return recommend(flights, results(flights, metric), metric, plan, code_for)


def test_the_choice_is_made_on_validation_never_on_test():
    flights = [
        flight("fixed", [(0.8, 0.9), (0.8, 0.9)]),
        flight("cosine", [(0.9, 0.7), (0.9, 0.7)]),
    ]
    assert best(flights, ACCURACY).name == "cosine"
    assert recommended(flights).name == "cosine"
    assert "0.7" in recommended(flights).reason


def test_a_falling_metric_is_best_where_it_is_least():
    flights = [
        flight("fixed", [(0.8, 0.1)], metric=ERROR),
        flight("cosine", [(0.2, 0.9)], metric=ERROR),
    ]
    assert best(flights, ERROR).name == "cosine"


def test_equal_results_are_settled_by_the_loss_then_by_the_order():
    a, b = flight("a", [(0.9, 0.9)], loss=0.4), flight("b", [(0.9, 0.9)], loss=0.3)
    assert best([a, b], ACCURACY).name == "b"
    assert best([a, flight("c", [(0.9, 0.9)], loss=0.4)], ACCURACY).name == "a"


def test_a_policy_that_diverged_loses_to_any_that_did_not():
    good, bad = flight("good", [(0.1, 0.1)] * 3), flight("bad", [(0.9, 0.9), (0.9, 0.9), None])
    assert best([bad, good], ACCURACY).name == "good"
    [_, found] = results([good, bad], ACCURACY)
    assert (found.diverged, found.metric_mean, found.validation_mean) == (1, None, None)
    assert found.to_best.pairs == 2
    assert recommended([good, bad]).ties == ()
    assert "Runs diverged: bad (1 of 3)." in recommended([good, bad]).reason


def test_of_policies_that_all_diverged_the_one_that_held_longest_is_named():
    flights = [flight("a", [None, None], steps=10), flight("b", [None, None], steps=30)]
    found = recommended(flights)
    assert found.name == "b"
    assert "b held longest" in found.reason
    assert "Nothing here can be recommended" in found.reason
    assert all(result.metric_mean is None for result in results(flights, ACCURACY))


def test_the_baseline_is_fixed_or_else_the_first_bare_constant():
    decay = flight("decay", [(1, 1)], policy=gp.linear(0.1, 0, "100%"))
    plateau = flight(
        "plateau", [(1, 1)], policy=gp.Policy(0.1, controllers=[gp.reduce_on_plateau()])
    )
    one, two = flight("one", [(1, 1)]), flight("two", [(1, 1)])
    fixed = flight("fixed", [(1, 1)], policy=gp.linear(0.1, 0.1, "100%"))
    assert baseline([decay, plateau, one, two]) is one
    assert baseline([one, fixed]) is fixed
    assert baseline([decay, plateau]) is None


def test_without_a_baseline_there_is_no_target():
    flights = [flight("a", [(1, 1)] * 2, policy=gp.linear(1, 0, 9))]
    [found] = results(flights, ACCURACY)
    assert found.to_fixed is found.steps_to_target is None


def test_a_baseline_that_diverged_gives_no_target():
    flights = [flight("fixed", [None, (1, 1)]), flight("b", [(1, 1)] * 2)]
    assert [found.steps_to_target for found in results(flights, ACCURACY)] == [None, None]


@pytest.mark.parametrize(
    ("gaps", "words"),
    [
        ((0.10, 0.11, 0.12), "Against fixed that is +0.110 (+0."),
        ((0.10, 0.11, 0.12), "better, beyond chance"),
        ((-0.10, -0.11, -0.12), "worse, beyond chance"),
        ((-0.1, 0.1, 0.05), "they cannot be told apart, and fixed is the simpler"),
    ],
)
def test_the_reason_says_how_it_stands_against_fixed(gaps, words):
    flights = [
        flight("fixed", [(0.5, 0.5)] * 3),
        flight("cosine", [(0.9, 0.5 + gap) for gap in gaps]),
    ]
    assert words in recommended(flights).reason


def test_ties_are_named_and_policies_that_differ_are_not():
    flights = [
        flight("fixed", [(0.1, 0.10), (0.1, 0.11), (0.1, 0.12)]),
        flight("twin", [(0.8, 0.91), (0.8, 0.89), (0.8, 0.92)]),
        flight("cosine", [(0.9, 0.90), (0.9, 0.91), (0.9, 0.91)]),
    ]
    found = recommended(flights)
    assert found.ties == ("twin",)
    assert "cannot be told apart from twin:" in found.reason


def test_the_interval_is_of_the_test_metric():
    flights = [flight("fixed", [(0.1, 0.5), (0.2, 0.7)])]
    [found] = results(flights, ACCURACY)
    assert found.metric_mean == pytest.approx(0.6)
    assert found.validation_mean == pytest.approx(0.15)
    assert found.metric_ci == pytest.approx((0.6 - 1.27062, 0.6 + 1.27062), rel=1e-4)


def test_steps_to_the_target_are_counted_on_validation():
    flights = [flight("fixed", [(0.4, 1)] * 2), flight("quick", [(0.9, 0)] * 2)]
    found = results(flights, ACCURACY)
    assert [result.steps_to_target for result in found] == [20, 10]


def test_the_tasks_own_code_is_preferred():
    found = recommended(
        [flight("a", [(1, 1)])], code_for=lambda policy, plan, batch: f"theirs {batch}"
    )
    assert found.code == "theirs None"
    assert math.isclose(found.learning_rate, 0.1)

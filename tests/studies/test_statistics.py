import math

import numpy as np
import pytest
from scipy import stats

from glidepath.studies import statistics
from glidepath.training import Evaluation, Metric, RunInfo, RunRecord

ACCURACY, ERROR = Metric("accuracy", True), Metric("error", False)


def test_the_interval_of_the_mean_is_students():
    values = [0.91, 0.94, 0.92, 0.97, 0.93]
    expected = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert statistics.mean_interval(values) == pytest.approx(expected, rel=1e-12)


def test_the_interval_of_two_values_by_hand():
    # mean 2, standard error 1, the quantile of one degree of freedom is tan(0.475·π) = 12.706
    low, high = statistics.mean_interval([1.0, 3.0])
    assert (low, high) == pytest.approx((2 - 12.7062047364, 2 + 12.7062047364), rel=1e-9)


def test_one_value_has_no_interval():
    assert statistics.mean_interval([0.9]) is None
    assert statistics.mean_interval([]) is None


def test_equal_values_give_an_interval_without_width():
    low, high = statistics.mean_interval([0.1 + 0.2, 0.3, 0.3])
    assert low == high == pytest.approx(0.3)


def test_a_single_paired_difference_agrees_with_the_paired_t_test():
    a = {0: 0.91, 1: 0.95, 2: 0.93, 3: 0.96}
    b = {0: 0.90, 1: 0.92, 2: 0.93, 3: 0.91}
    test = stats.ttest_rel(list(a.values()), list(b.values()))
    ends = test.confidence_interval(0.95)
    gap = statistics.paired_difference(a, b)
    assert gap.mean == pytest.approx(np.mean([0.01, 0.03, 0.0, 0.05]))
    assert (gap.low, gap.high) == pytest.approx((ends.low, ends.high), rel=1e-9)
    assert gap.pairs == 4
    assert gap.distinct == (test.pvalue < 0.05)


def test_comparisons_share_the_error_by_bonferroni():
    a = {0: 0.91, 1: 0.95, 2: 0.93, 3: 0.96}
    b = {0: 0.90, 1: 0.92, 2: 0.93, 3: 0.91}
    ends = stats.ttest_rel(list(a.values()), list(b.values())).confidence_interval(1 - 0.05 / 13)
    gap = statistics.paired_difference(a, b, comparisons=13)
    assert (gap.low, gap.high) == pytest.approx((ends.low, ends.high), rel=1e-9)


def test_simultaneous_intervals_are_all_right_in_95_of_100_studies():
    rng = np.random.default_rng(0)
    policies, seeds, wrong, studies = 8, 5, 0, 400
    for _ in range(studies):
        values = rng.normal(size=(policies, seeds)) + rng.normal(size=seeds)
        first = dict(enumerate(values[0]))
        wrong += any(
            statistics.paired_difference(dict(enumerate(row)), first, policies - 1).distinct
            for row in values[1:]
        )
    assert wrong / studies < 0.075  # three standard errors above 0.05 is 0.083


def test_a_diverged_run_is_left_out_of_its_pair_only():
    gap = statistics.paired_difference(
        {0: 0.5, 1: math.nan, 2: 0.75}, {0: 0.25, 1: 0.5, 2: 0.25, 3: 0.9}
    )
    assert gap.pairs == 2
    assert gap.mean == pytest.approx(0.375)


def test_under_two_pairs_there_is_no_difference():
    assert statistics.paired_difference({0: 0.5, 1: math.nan}, {0: 0.25, 1: 0.5}) is None
    assert statistics.paired_difference({}, {}) is None


@pytest.mark.parametrize(
    ("mine", "distinct", "mean"),
    [({0: 0.1 + 0.2, 1: 0.5}, False, 0.0), ({0: 0.4, 1: 0.6}, False, 0.1)],
)
def test_differences_that_do_not_vary(mine, distinct, mean):
    gap = statistics.paired_difference(mine, {0: 0.3, 1: 0.5})
    assert (gap.distinct, gap.low, gap.high) == (distinct, gap.mean, gap.mean)
    assert gap.mean == pytest.approx(mean)


@pytest.mark.parametrize(
    ("seeds", "comparisons", "distinct"),
    [(5, 1, False), (6, 1, True), (6, 13, False), (10, 13, True)],
)
def test_the_same_difference_on_every_seed_is_judged_by_the_sign_test(seeds, comparisons, distinct):
    mine, other = dict.fromkeys(range(seeds), 0.75), dict.fromkeys(range(seeds), 0.5)
    assert statistics.paired_difference(mine, other, comparisons).distinct is distinct


def record(values, metric, seed=0):
    info = RunInfo("toy", "p", None, seed, 10 * len(values), 10, metric.name, metric.rising)
    evaluations = tuple(
        Evaluation(10 * (i + 1), i + 1, "validation", {metric.name: v})
        for i, v in enumerate(values)
    )
    return RunRecord(info, {"loss": np.ones(10 * len(values))}, evaluations, "finished")


@pytest.mark.parametrize(
    ("values", "metric", "target", "steps"),
    [
        ([0.1, 0.5, 0.4, 0.9], ACCURACY, 0.5, 20),
        ([0.1, 0.5, 0.4, 0.9], ACCURACY, 0.95, math.inf),
        ([0.9, 0.5, 0.1], ERROR, 0.5, 20),
        ([math.nan, math.nan], ACCURACY, 0.0, math.inf),
        ([], ACCURACY, 0.0, math.inf),
    ],
)
def test_updates_to_a_target(values, metric, target, steps):
    assert statistics.steps_to_reach(record(values, metric), metric, target) == steps


def test_the_median_of_updates_counts_runs_that_never_get_there():
    quick, late, never = ([0.9], [0.1, 0.9], [0.1, 0.1])
    three = [record(values, ACCURACY) for values in (quick, late, never)]
    assert statistics.median_steps(three, ACCURACY, 0.5) == 20
    assert statistics.median_steps(three[1:], ACCURACY, 0.5) is None
    assert statistics.median_steps([], ACCURACY, 0.5) is None

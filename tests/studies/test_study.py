"""Whole studies on toys: what is compared, what is recommended, and what is on disk."""

import json
import math
import time
from concurrent.futures import Executor, Future

import numpy as np
import pytest
from toys import Doomed, Toy, Unlucky

import glidepath as gp
from glidepath.studies import DEFAULTS, compare, summary, tune
from glidepath.studies.progress import Silent
from glidepath.studies.recommend import places_of
from glidepath.training import read_record

POLICIES = {"fixed": gp.constant(0.1), "cosine": gp.cosine_decay(0.3, "100%")}


def quick(task, policies, out, **options):
    return compare(task, policies, out=out, **{"epochs": 3, "seeds": 2, "workers": 1} | options)


def by_name(result):
    return {policy.name: policy for policy in result.policies}


class Inline(Executor):
    """An executor of the caller's."""

    calls = 0

    def submit(self, fn, /, *args, **kwargs):
        self.calls += 1
        future = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001
            future.set_exception(error)
        return future


# --- the main job -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def tuned(tmp_path_factory):
    out = tmp_path_factory.mktemp("tuned") / "study"
    return tune(Toy(), out=out, epochs=8, seeds=3, workers=1), out


def test_tune_compares_every_default_policy(tuned):
    result, _ = tuned
    assert [policy.name for policy in result.policies] == list(DEFAULTS)
    assert set(result.notes) == set(DEFAULTS)
    assert result.seeds == (0, 1, 2)
    assert result.total_steps == 160
    assert all(len(policy.records) == 3 for policy in result.policies)
    assert result.range_test.updates > 100


def peak(policy):
    return max(policy.records[0].series["learning_rate"])


def test_every_policy_flies_at_the_peak_that_the_finder_found_for_its_shape(tuned):
    result, _ = tuned
    assert set(result.found) == set(DEFAULTS)
    for policy in result.policies:
        found = result.found[policy.name]
        assert peak(policy) == pytest.approx(found.learning_rate, rel=0.01)
        assert f"{found.learning_rate:.3g}" in result.notes[policy.name]
        assert found.effort == "standard"
        assert found.cost.budget == result.total_steps
    assert len({found.learning_rate for found in result.found.values()}) > 3


def test_the_summary_has_what_was_found(tuned):
    result, out = tuned
    stored = json.loads((out / "summary.json").read_text())["found"]
    assert {name: one["learning_rate"] for name, one in stored.items()} == {
        name: found.learning_rate for name, found in result.found.items()
    }
    assert stored["cosine"]["interval"][0] <= stored["cosine"]["learning_rate"]


def test_a_policy_with_controllers_is_searched_for_as_one_that_falls(tuned):
    result, _ = tuned
    assert result.found["plateau"].learning_rate == result.found["polynomial"].learning_rate
    assert "controllers" not in "".join(result.found["plateau"].warnings)


def test_without_the_finder_the_policies_are_set_from_the_range_test(tmp_path):
    wanted = dict.fromkeys(["polynomial", "1cycle"])
    result = quick(Toy(), wanted, tmp_path / "s", effort=None)
    found = by_name(result)
    assert peak(found["polynomial"]) == pytest.approx(result.range_test.suggested, rel=0.01)
    assert peak(found["1cycle"]) == pytest.approx(result.range_test.high, rel=0.02)
    assert not result.found
    assert "suggested rate of the range test" in result.notes["polynomial"]


def test_the_recommendation_is_made_on_validation_and_reported_on_test(tuned):
    result, _ = tuned
    means = {
        policy.name: np.mean([r.final("validation", "accuracy") for r in policy.records])
        for policy in result.policies
    }
    chosen = by_name(result)[result.recommended.name]
    assert means[chosen.name] == max(means.values())
    assert chosen.metric_mean == pytest.approx(
        np.mean([r.final("test", "accuracy") for r in chosen.records])
    )
    assert chosen.to_best is None
    rates = [r.series["learning_rate"].max() for r in chosen.records]
    assert result.recommended.learning_rate == pytest.approx(max(rates), rel=1e-6)
    places, _ = places_of(result.policies)
    assert f" is {chosen.metric_mean:.{places}f} (95 % interval " in result.recommended.reason


def test_ties_are_the_policies_whose_difference_is_not_distinct(tuned):
    result, _ = tuned
    others = [p for p in result.policies if p.name != result.recommended.name]
    ties = tuple(p.name for p in others if not p.to_best.distinct)
    assert result.recommended.ties == ties


def test_steps_to_target_reach_the_mean_validation_of_fixed(tuned):
    result, _ = tuned
    found = by_name(result)
    target = found["fixed"].validation_mean
    for policy in result.policies:
        first = []
        for record in policy.records:
            steps, values = record.curve("validation", "accuracy")
            first.append(min(steps[values >= target], default=math.inf))
        middle = np.median(first)
        assert policy.steps_to_target == (middle if math.isfinite(middle) else None)


def test_the_folder_holds_records_event_files_and_the_summary(tuned):
    pytest.importorskip("tensorboard", reason="tensorboard is not installed")
    result, out = tuned
    records = sorted(path.name for path in (out / "records").iterdir())
    assert records == sorted(f"{name}-seed{k}.jsonl" for name in DEFAULTS for k in range(3))
    for policy in result.policies:
        for record in policy.records:
            stored = read_record(out / "records" / f"{policy.name}-seed{record.info.seed}.jsonl")
            assert np.array_equal(stored.series["loss"], record.series["loss"])
            board = out / "tensorboard" / policy.name / f"seed{record.info.seed}"
            assert any("tfevents" in path.name for path in board.iterdir())
    assert not [path for path in out.iterdir() if path.name.startswith(".summary")]


def test_the_summary_has_what_programs_rely_on(tuned):
    result, out = tuned

    def refuse(constant):
        raise AssertionError(f"{constant} is not JSON")

    data = json.loads((out / "summary.json").read_text(), parse_constant=refuse)
    assert data["task"] == "toy"
    assert data["metric"]["name"] == "accuracy"
    assert {"low", "high", "suggestions"} <= set(data["range_test"])
    assert data["range_test"]["suggestions"]["minimum/10"] == result.range_test.suggested
    assert [policy["name"] for policy in data["policies"]] == list(DEFAULTS)
    for policy, item in zip(result.policies, data["policies"], strict=True):
        assert gp.as_policy(gp.from_spec(item["spec"])) == policy.policy
        assert item["metric_mean"] == policy.metric_mean
        assert item["metric_ci"] == list(policy.metric_ci)
        assert item["steps_to_target"] == policy.steps_to_target
        assert item["diverged"] == 0
    chosen = data["recommended"]
    assert (chosen["name"], chosen["learning_rate"], chosen["reason"]) == (
        result.recommended.name,
        result.recommended.learning_rate,
        result.recommended.reason,
    )
    assert gp.as_policy(gp.from_spec(chosen["spec"])) == result.recommended.policy
    assert data == summary(result)


def test_the_cost_counts_every_update_and_adds_up(tuned):
    result, out = tuned
    cost = result.cost
    assert result.found["plateau"] is result.found["polynomial"], "one shape, searched twice"
    searches = {id(found): found for found in result.found.values()}
    searched = sum(found.cost.lane_updates for found in searches.values())
    assert cost.updates == 14 * 3 * 160 + result.range_test.updates + searched
    steps = sum(r.seconds["steps"] for p in result.policies for r in p.records)
    assert cost.steps >= steps
    assert cost.steps + cost.startup + cost.overhead == pytest.approx(cost.seconds, rel=0.05)
    assert cost.overhead_share == cost.overhead / cost.steps
    assert json.loads((out / "summary.json").read_text())["cost"]["seconds"] == cost.seconds


def test_the_code_to_paste_makes_the_recommended_policy(tuned):
    result, _ = tuned
    scope = {}
    exec(result.recommended.code, scope)
    assert gp.as_policy(scope["policy"]) == result.recommended.policy
    assert scope["plan"].total_steps == result.total_steps


def test_what_the_main_process_does_is_overhead_and_its_imports_are_start_up(tmp_path):
    class Report:
        def load(self):
            time.sleep(0.4)

        def __call__(self, result, out):
            time.sleep(0.3)

    cost = quick(Toy(), POLICIES, tmp_path / "s", report=Report()).cost
    assert cost.overhead >= 0.3
    assert cost.startup >= 0.4
    assert cost.overhead < cost.seconds - 0.4


def test_runs_go_seed_by_seed_so_that_every_policy_has_its_turn(tmp_path):
    class Told(Silent):
        def __init__(self):
            self.order = []

        def ended(self, name, seed, outcome):
            self.order.append((seed, name))

    told = Told()
    quick(Toy(), POLICIES, tmp_path / "s", seeds=3, progress=told)
    assert told.order == [(seed, name) for seed in range(3) for name in POLICIES]


# --- the same everywhere ------------------------------------------------------------------------


def test_every_policy_trains_from_the_same_seeds(tmp_path):
    result = quick(Toy(), POLICIES, tmp_path / "s", seeds=3)
    fixed, cosine = (by_name(result)[name].records for name in POLICIES)
    firsts = [record.series["loss"][0] for record in fixed]
    assert firsts == [record.series["loss"][0] for record in cosine]
    assert len(set(firsts)) == 3


def test_the_runs_are_the_same_here_in_processes_and_on_an_executor(tmp_path):
    executor = Inline()
    found = [
        quick(Toy(), POLICIES, tmp_path / str(n), seeds=3, workers=workers)
        for n, workers in enumerate((1, 2, executor))
    ]
    assert executor.calls == 1 + 6
    for other in found[1:]:
        for mine, theirs in zip(found[0].policies, other.policies, strict=True):
            assert mine.metric_mean == theirs.metric_mean
            for a, b in zip(mine.records, theirs.records, strict=True):
                assert a.info == b.info
                assert np.array_equal(a.series["loss"], b.series["loss"])


def test_seeds_may_be_chosen(tmp_path):
    result = quick(Toy(), POLICIES, tmp_path / "s", seeds=[7, 3])
    assert result.seeds == (7, 3)
    assert [r.info.seed for r in result.policies[0].records] == [7, 3]


def test_compare_with_a_default_policy_runs_the_range_test(tmp_path):
    result = quick(Toy(), {"cosine": None, "mine": gp.constant(0.05)}, tmp_path / "s")
    assert result.range_test is not None
    assert "the finder's for this shape" in result.notes["cosine"]
    assert list(result.found) == ["cosine"]
    assert by_name(result)["mine"].policy == gp.Policy(gp.constant(0.05))


def test_compare_of_given_policies_runs_none(tmp_path):
    result = quick(Toy(), POLICIES, tmp_path / "s")
    assert result.range_test is None
    assert json.loads((tmp_path / "s" / "summary.json").read_text())["range_test"] is None


def test_a_regression_is_judged_by_the_smaller_error(tmp_path):
    policies = {"fixed": gp.constant(1e-4), "better": gp.constant(0.2)}
    result = quick(Toy(kind="regression"), policies, tmp_path / "s", epochs=6, seeds=4)
    found = by_name(result)
    assert result.recommended.name == "better"
    assert found["better"].metric_mean < found["fixed"].metric_mean
    assert found["better"].to_fixed.mean < 0
    assert found["better"].to_fixed.distinct
    assert "better, beyond chance" in result.recommended.reason
    assert found["better"].steps_to_target == 20
    assert result.recommended.ties == ()


def test_the_first_constant_stands_in_for_fixed(tmp_path):
    policies = {"cosine": gp.cosine_decay(0.1, "100%"), "slow": gp.constant(0.01)}
    found = by_name(quick(Toy(), policies, tmp_path / "s"))
    assert found["slow"].to_fixed is None
    assert found["cosine"].to_fixed is not None


def test_one_seed_has_no_intervals_and_says_so(tmp_path):
    result = quick(Toy(), POLICIES, tmp_path / "s", seeds=1)
    assert [p.metric_ci for p in result.policies] == [None, None]
    assert [p.to_best for p in result.policies] == [None, None]
    assert len(result.recommended.ties) == 1
    assert "one seed: no interval" in result.recommended.reason
    assert "nothing can be told apart" in result.recommended.reason


def test_one_policy_is_a_study_too(tmp_path):
    result = quick(Toy(), {"only": gp.linear(0.1, 0, "100%")}, tmp_path / "s")
    assert result.recommended.name == "only"
    assert "nothing to compare it with" in result.recommended.reason
    assert result.policies[0].steps_to_target is None


def test_the_report_is_called_with_the_result_and_the_folder(tmp_path):
    seen = []
    result = quick(
        Toy(), POLICIES, tmp_path / "s", report=lambda found, out: seen.append((found, out))
    )
    [(found, out)] = seen
    assert out == tmp_path / "s"
    assert found.recommended == result.recommended
    assert found.cost.seconds < result.cost.seconds


# --- divergence ---------------------------------------------------------------------------------


def test_a_policy_that_diverges_is_shown_and_never_averaged(tmp_path):
    policies = {"fixed": gp.constant(0.1), "wild": gp.constant(50.0)}
    result = quick(Toy(kind="regression"), policies, tmp_path / "s", seeds=3)
    wild = by_name(result)["wild"]
    assert wild.diverged == 3
    assert wild.metric_mean is wild.metric_ci is wild.validation_mean is None
    assert wild.to_fixed is wild.steps_to_target is None
    assert all(record.outcome == "diverged" for record in wild.records)
    assert result.recommended.name == "fixed"
    assert "wild (3 of 3)" in result.recommended.reason
    assert "wild" not in result.recommended.ties
    stored = json.loads((tmp_path / "s" / "summary.json").read_text())["policies"][1]
    assert (stored["diverged"], stored["metric_mean"]) == (3, None)


def test_a_policy_that_diverges_once_is_not_recommended(tmp_path):
    policies = {"fixed": gp.constant(0.01), "edge": gp.constant(0.3)}
    result = quick(Unlucky(), policies, tmp_path / "s", seeds=4, epochs=6)
    edge, fixed = by_name(result)["edge"], by_name(result)["fixed"]
    finished = [r.final("test", "accuracy") for r in edge.records if r.outcome == "finished"]
    assert len(finished) == 3
    assert np.mean(finished) > fixed.metric_mean  # it would win if the run were averaged away
    assert (edge.diverged, edge.metric_mean, edge.metric_ci) == (1, None, None)
    assert edge.to_fixed.pairs == 3
    assert result.recommended.name == "fixed"
    assert "edge" not in result.recommended.ties


def test_when_every_policy_diverges_on_some_seed_the_least_of_them_is_named(tmp_path):
    policies = {"edge": gp.constant(0.3), "wild": gp.constant(100.0)}
    result = quick(Unlucky(kind="regression"), policies, tmp_path / "s", seeds=3)
    assert [p.diverged for p in result.policies] == [1, 3]
    assert result.recommended.name == "edge"
    assert "Every policy diverged on some seed; edge did so least" in result.recommended.reason
    assert result.recommended.ties == ()


def test_when_every_run_diverges_the_study_says_so(tmp_path):
    result = quick(Doomed(), POLICIES, tmp_path / "s", epochs=4, seeds=2)
    assert [p.diverged for p in result.policies] == [2, 2]
    assert "Every run of every policy diverged" in result.recommended.reason
    assert result.recommended.ties == ()
    json.loads((tmp_path / "s" / "summary.json").read_text())

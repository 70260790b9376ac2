"""The finder on the toy trainer: what it answers, what it leaves alone, what it refuses."""

import math

import numpy as np
import pytest

import glidepath as gp
from glidepath.finding import Found, grid_search
from glidepath.finding.finder.effort import EFFORTS
from glidepath.finding.finder.shape import compress
from glidepath.testing import ToyTrainer
from glidepath.training import Updates

COSINE = gp.linear(0, 1, "5%") >> gp.cosine_decay(1, "95%")
SHAPES = {"cosine": COSINE, "constant": gp.constant(1.0), "1cycle": gp.one_cycle(1.0)}


class Probed(ToyTrainer):
    """The toy trainer with a probe in parts; its losses in another unit."""

    def __init__(self, unit=1.0, **options):
        super().__init__(**options)
        self.unit = unit

    def probe(self, examples):
        x, y = self._splits["validation"]
        with np.errstate(all="ignore"):
            losses = (x @ self._weights - y) ** 2 / 2 + self._offset
        return self.unit * losses[:examples].reshape(8, -1).mean(axis=1)

    def advance(self, values):
        found = super().advance(values)
        return Updates(self.unit * found.losses, found.applied, found.metrics)


def final_loss(policy, rate, total=600):
    record = gp.drive(ToyTrainer(), rate * gp.as_policy(policy), total, seed=11)
    return record.evaluations[-1].values["loss"] if record.outcome == "finished" else math.inf


@pytest.fixture(scope="module")
def found():
    return gp.find(Probed(), COSINE, 600)


@pytest.mark.parametrize("shape", SHAPES)
def test_it_finds_a_rate_that_trains_well(shape):
    found = gp.find(Probed(), SHAPES[shape], 600)
    losses = [final_loss(SHAPES[shape], 2.0**x) for x in np.arange(-7, 1.5, 0.5)]
    best, start = min(losses), max(loss for loss in losses if math.isfinite(loss))
    assert final_loss(SHAPES[shape], found.learning_rate) < best + 0.02 * (start - best)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("effort", EFFORTS)
def test_it_spends_no_more_than_it_may(shape, effort):
    for total in (37, 600, 2000):
        found = gp.find(Probed(), SHAPES[shape], total, effort=effort)
        assert found.cost.lane_updates <= EFFORTS[effort].allowed(total)
        assert max(lane.updates for lane in found.lanes) <= total
        assert found.cost.budget == total


@pytest.mark.parametrize("shape", SHAPES)
def test_a_lane_that_ran_away_is_not_believed_when_it_is_right_by_chance(shape):
    class Lucky(Probed):
        def probe(self, examples):
            losses = super().probe(examples)
            return 0 * losses if losses.mean() > 1e4 else losses  # certain, and right

    found, sober = (gp.find(kind(), SHAPES[shape], 600) for kind in (Lucky, Probed))
    assert any(lane.score == 0 for lane in found.lanes)
    assert found.learning_rate < min(lane.rate for lane in found.lanes if lane.score == 0)
    assert abs(math.log2(found.learning_rate / sober.learning_rate)) < 1
    assert found.diverges_at <= 2 * sober.diverges_at


def test_the_efforts_are_bounded_as_documented():
    assert [EFFORTS[name].allowed(600) for name in EFFORTS] == [500, 1000, 3000]
    assert EFFORTS["standard"].allowed(4000) == 3000


def test_the_answer_holds_together(found):
    low, high = found.interval
    assert 1e-7 <= low <= found.learning_rate <= high <= 100
    assert found.cyclical["low"] < found.cyclical["high"]
    assert found.diverges_at > found.learning_rate
    assert len(found.curve.rates) == len(found.curve.loss)
    assert min(found.curve.loss) >= 0
    assert found.confidence in ("high", "medium", "low")
    assert any("no test data" in line for line in found.warnings) is False
    # A lane that was cut short has the losses that it had.
    assert found.cost.lane_updates == sum(len(lane.losses) for lane in found.lanes)


def test_a_steady_lane_begins_the_longer_one():
    found = gp.find(Probed(), gp.constant(1.0), 600)
    flown = {}
    for lane in found.lanes:
        before = flown.get(lane.rate, ())
        assert lane.losses[: len(before)] == before
        flown[lane.rate] = lane.losses
    assert found.cost.lane_updates == sum(map(len, flown.values()))
    alone = Probed()
    rate, losses = max(flown.items(), key=lambda item: len(item[1]))
    alone.reset(0)
    last = next(lane for lane in found.lanes if lane.rate == rate and lane.updates == len(losses))
    assert [look.updates for look in last.looks] == [125, 150, 175]
    for look in last.looks:
        start = alone.snapshot()
        alone.advance({"learning_rate": np.full(look.updates, rate)})
        assert tuple(alone.probe(1024)) == look.probe
        alone.restore(start)
    assert Found.from_json(found.to_json()) == found
    assert alone.advance({"learning_rate": np.full(len(losses), rate)}).losses.tolist() == list(
        losses
    )


def test_json_round_trip(found):
    text = found.to_json()
    assert Found.from_json(text).to_json() == text
    with pytest.raises(gp.RecordError, match="version"):
        Found.from_json("{}")
    with pytest.raises(gp.RecordError, match="missing or unknown"):
        Found.from_json('{"glidepath_found": 1}')
    with pytest.raises(gp.RecordError, match="cut off"):
        Found.from_json(text[:50])


# --- the state --------------------------------------------------------------------------------


def same_from_here(trainer, fresh):
    rates = {"learning_rate": np.full(30, 0.05)}
    assert np.array_equal(trainer.advance(rates).losses, fresh.advance(rates).losses)
    assert trainer.evaluate("validation") == fresh.evaluate("validation")


@pytest.mark.parametrize("seed", [5, None])
def test_fit_after_find_is_fit(seed):
    trainer, fresh = ToyTrainer(), ToyTrainer()
    for each in (trainer, fresh):
        each.reset(3)
        each.advance({"learning_rate": np.full(7, 0.01)})
    gp.find(trainer, COSINE, 300, effort="quick", seed=seed)
    same_from_here(trainer, fresh)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("where", ["advance", "evaluate", "reset"])
def test_the_state_is_restored_whatever_happens(error, where):
    class Failing(ToyTrainer):
        left = math.inf

        def fail(self, name, argument):
            if name == where:
                self.left -= 1
                if self.left == 0:
                    raise error
            return getattr(super(), name)(argument)

        def advance(self, values):
            return self.fail("advance", values)

        def evaluate(self, split):
            return self.fail("evaluate", split)

        def reset(self, seed):
            return self.fail("reset", seed)

    trainer, fresh = Failing(), ToyTrainer()
    trainer.left = 1 if where == "reset" else 12
    with pytest.raises(error):
        gp.find(trainer, COSINE, 300)
    trainer.left = math.inf
    same_from_here(trainer, fresh)


def test_an_interrupt_of_the_restoring_waits():
    class Interrupted(ToyTrainer):
        armed = False

        def evaluate(self, split):
            self.armed = self.armed or split == "test"  # the last look, right before restoring
            return super().evaluate(split)

        def restore(self, state):
            if self.armed:
                self.armed = False
                raise KeyboardInterrupt
            super().restore(state)

    trainer, fresh = Interrupted(), ToyTrainer()
    with pytest.raises(KeyboardInterrupt):
        gp.find(trainer, COSINE, 300)
    same_from_here(trainer, fresh)


# --- warnings and refusals --------------------------------------------------------------------


def test_it_says_when_the_best_lies_at_an_edge():
    low = gp.find(Probed(), COSINE, 600, high=0.05)
    assert low.learning_rate <= low.interval[1] <= 0.05
    assert any("raise high" in line for line in low.warnings)
    high = gp.find(Probed(), COSINE, 600, low=0.9)
    assert 0.9 <= high.interval[0] <= high.learning_rate < 1.5
    assert any("lower low" in line for line in high.warnings)


def test_it_answers_where_nothing_learns():
    class Still(Probed):
        def advance(self, values):
            zeros = np.zeros_like(values["learning_rate"])
            return super().advance({**values, "learning_rate": zeros})

    found = gp.find(Still(), COSINE, 100)
    assert 1e-7 <= found.learning_rate <= 100
    assert found.confidence == "low"
    assert any("no lane learnt" in line for line in found.warnings)
    assert Found.from_json(found.to_json()).to_json() == found.to_json()


def test_it_answers_where_everything_diverges():
    found = gp.find(Probed(diverges_above=1e-9), COSINE, 100, low=1e-3)
    assert found.learning_rate == pytest.approx(1e-3)
    assert found.warnings


def test_it_warns_of_a_trainer_without_parts_and_of_controllers():
    policy = gp.Policy(COSINE, controllers=[gp.reduce_on_plateau()])
    found = gp.find(ToyTrainer(), policy, 100)
    assert any("parts" in line for line in found.warnings)
    assert any("controllers" in line for line in found.warnings)


def test_it_warns_of_a_loss_without_a_floor():
    above, below = (
        gp.find(Probed(offset=offset), COSINE, 300, effort="quick") for offset in (0.0, -1.0)
    )
    assert not any("below zero" in words for words in above.warnings)
    assert any("below zero" in words for words in below.warnings)
    assert below.learning_rate == pytest.approx(above.learning_rate, rel=1e-6)


def test_it_warns_where_the_probe_is_what_is_reported():
    class NoTest(Probed):
        def evaluate(self, split):
            return super().evaluate("validation" if split == "test" else split)

    assert any("no test data" in line for line in gp.find(NoTest(), COSINE, 100).warnings)


@pytest.mark.parametrize("has", [True, False])
def test_a_trainer_that_says_whether_it_has_test_data_is_not_asked_to_evaluate(has):
    class Says(Probed):
        has_test = has

        def evaluate(self, split):
            raise AssertionError(split)

    found = gp.find(Says(), COSINE, 100)
    assert any("no test data" in line for line in found.warnings) is not has


def test_a_model_that_begins_with_nan_is_refused_and_restored():
    class Broken(Probed):
        def probe(self, examples):
            return np.full(8, math.nan)

    trainer = Broken()
    with pytest.raises(gp.ArgumentError, match="before any training"):
        gp.find(trainer, COSINE, 100)
    same_from_here(trainer, ToyTrainer())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"low": 1, "high": 2}, "four times"),
        ({"effort": "much"}, "effort"),
        ({"low": 0}, "low"),
        ({"high": math.inf}, "high"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_arguments_are_refused(change, words):
    with pytest.raises(gp.ArgumentError, match=words):
        gp.find(ToyTrainer(), COSINE, 100, **change)


def test_a_search_is_of_a_trainer():
    """Not of a task, which is easily given instead."""
    with pytest.raises(gp.ArgumentError, match=r"find: needs a trainer, got object.*open\(\)"):
        gp.find(object(), COSINE, 100)
    with pytest.raises(gp.ArgumentError, match="grid_search: needs a trainer"):
        grid_search(object(), COSINE, 100, [0.1])


def test_a_training_shorter_than_the_shortest_lane_is_told_what_would_help():
    short, long = (gp.find(Probed(), gp.constant(1.0), total) for total in (18, 100))
    assert {lane.updates for lane in short.lanes} == {18}
    assert any("grid_search" in line for line in short.warnings)
    assert not any("grid_search" in line or "one length" in line for line in long.warnings)


def test_policies_that_cannot_fly_are_refused():
    class Bare(ToyTrainer):
        hyperparameters = frozenset({"learning_rate"})

    with pytest.raises(gp.ArgumentError, match="above 0"):
        gp.find(ToyTrainer(), gp.constant(0.0), 100)
    with pytest.raises(gp.ArgumentError, match="momentum=None"):
        gp.find(Bare(), gp.one_cycle(1.0), 100)
    with pytest.raises(gp.ArgumentError, match="duration"):
        gp.find(ToyTrainer(), COSINE, "ten")


# --- shapes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("updates", [1, 7, 50, 600])
def test_compressing_keeps_the_area_and_the_shape(updates):
    table = COSINE.plan(600).table()
    short = compress(table, updates)
    assert len(short) == updates
    assert math.isclose(short.mean(), table.mean(), rel_tol=1e-9)
    if updates == 600:
        assert np.array_equal(short, table)
    if updates == 50:
        assert np.allclose(short, table.reshape(50, 12).mean(axis=1))


def test_momentum_flies_compressed_and_unscaled():
    flown = []

    class Watched(Probed):
        def advance(self, values):
            flown.append(values)
            return super().advance(values)

    gp.find(Watched(), gp.one_cycle(5.0, momentum=(0.9, 0.6)), 300, effort="quick")
    momenta = np.concatenate([values["momentum"] for values in flown])
    assert momenta.max() <= 0.9
    assert momenta.min() >= 0.6
    assert momenta.min() < 0.65

"""The finder's parts: the law on lanes made from it, the evidence, and which lanes are flown."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from glidepath.finding.finder.answer import answer
from glidepath.finding.finder.effort import EFFORTS
from glidepath.finding.finder.evidence import gather
from glidepath.finding.finder.found import Lane
from glidepath.finding.finder.lanes import Start
from glidepath.finding.finder.law import _fit, least_expected, predict
from glidepath.finding.finder.search import Search

BOUNDS = (-23.0, 7.0)


def lane(position, updates, loss):
    ends = math.isfinite(loss)
    parts = tuple(loss + 0.01 * np.arange(-3.5, 4)) if ends else (math.nan,) * 8
    return Lane(2.0**position, updates, loss if ends else math.nan, parts, (), not ends)


def law(position, updates, tau=-1.0, power=0.5, price=0.02, steepness=2.0, fading=0.0):
    """A loss that starts at 3."""
    sums = position + math.log2(updates)
    gain = (1 + 2.0 ** (sums - tau)) ** -power
    return 1 + 2 * gain + price * 2.0 ** (steepness * position - fading * math.log2(updates / 150))


def lanes_of(**options):
    return [
        lane(x, n, law(x, n, **options))
        for n, positions in ((25, range(-8, 3, 2)), (75, range(-2, 3)), (150, range(-3, 3)))
        for x in positions
    ]


START = 3 + 0.01 * np.arange(-3.5, 4)
GRID = np.arange(-10, 4, 0.01)


@pytest.mark.parametrize("total", [150, 600, 6000])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"power": 0.3, "tau": 0.0},
        {"fading": 0.6},
        {"steepness": 4.0, "price": 0.05},
        {"power": 1.0, "tau": 2.0},
        {"fading": -0.3},
        {"fading": 1.0, "price": 0.1},
        {"price": 0.3, "steepness": 1.0},
    ],
)
def test_lanes_made_from_the_law_give_its_best_rate_at_every_horizon(options, total):
    evidence = gather(lanes_of(**options), START, 16, 0)
    found = least_expected(predict(evidence, total))
    losses = np.array([law(x, total, **options) for x in GRID])
    best = float(losses.min())
    assert law(found, total, **options) - best < 0.0012 * (3 - best)
    # The horizon matters: without it the answer would be another.
    short = GRID[np.argmin([law(x, 150, **options) for x in GRID])]
    if total == 6000 and options.get("fading", 0) <= 0:
        assert found < short - 0.4


def test_every_law_of_the_grid_is_fitted_by_least_squares():
    rng = np.random.default_rng(0)
    gains, prices = np.sort(rng.random((5, 9))), rng.random((3, 9))
    losses, weights = rng.random((4, 9)), 1 + rng.random(9)
    fit = _fit(gains, prices, losses, weights)
    dropped = 0
    for k, (gain, price) in enumerate((gain, price) for gain in gains for price in prices):
        for draw, loss in enumerate(losses):
            columns = np.stack([np.ones(9), gain, price])[: 3 if fit.price[draw, k] else 2].T
            terms, left, *_ = np.linalg.lstsq(weights[:, None] * columns, weights * loss)
            found = [fit.floor[draw, k], fit.gain[draw, k], fit.price[draw, k]]
            assert found == pytest.approx([*terms, 0.0][:3], rel=1e-6)
            penalty = 1e3 * (terms[1] < 0) + (min(terms[0] + 0.3, 0) / 0.3) ** 2
            assert fit.misfit[draw, k] == pytest.approx(left[0] + penalty, rel=1e-6)
            dropped += len(terms) == 2
            whole = np.stack([np.ones(9), gain, price]).T * weights[:, None]
            assert len(terms) == 3 or np.linalg.lstsq(whole, weights * loss)[0][2] < 0
    assert 10 < dropped < 50


def test_evidence_is_in_shares_of_what_there_is_to_gain():
    evidence = gather(lanes_of(), START, 16, 0)
    losses = [item.score for item in lanes_of()]
    assert evidence.losses.min() == pytest.approx(0)
    assert evidence.scale == pytest.approx(3 - min(losses))
    at = int(np.argmax(evidence.losses))
    assert evidence.losses[at] == pytest.approx((max(losses) - min(losses)) / evidence.scale)
    assert evidence.resampled.shape == (16, len(losses))
    # All lanes have the same noise by part, which cancels when they are compared part by part.
    np.testing.assert_allclose(evidence.resampled, np.tile(evidence.losses, (16, 1)), atol=1e-12)
    np.testing.assert_allclose(evidence.errors, 0, atol=1e-12)


def test_the_cliff_is_the_lowest_rate_above_the_best_that_no_longer_lane_outlived():
    lanes = lanes_of()
    assert gather(lanes, START, 4, 0).cliff is None
    assert gather([*lanes, lane(4, 75, math.inf)], START, 4, 0).cliff == 4
    assert gather([*lanes, lane(5, 150, 3.5), lane(6, 25, math.inf)], START, 4, 0).cliff == 5
    # At 1 a lane of 150 updates learnt: the short one that did not says nothing.
    assert gather([*lanes, lane(1, 25, math.inf)], START, 4, 0).cliff is None
    # A long lane that fell where shorter ones learnt says a lot.
    assert gather([*lanes, lane(1.5, 150, math.inf)], START, 4, 0).cliff == 1.5
    # Far below the best it is no cliff, whatever it was.
    assert gather([*lanes, lane(-9, 150, math.inf)], START, 4, 0).cliff is None
    assert gather([lane(0, 25, math.inf), lane(1, 25, 3.5)], START, 4, 0) is None


def test_it_stays_below_the_cliff_and_further_where_the_rate_never_falls():
    wants_more = [lane(x, n, law(x, n, price=0.0)) for n in (25, 75, 150) for x in range(-6, 2)] + [
        lane(2, 150, math.inf)
    ]
    evidence = gather(wants_more, START, 16, 0)
    falling = least_expected(predict(evidence, 600))
    steady = least_expected(predict(evidence, 600, steady=True))
    assert steady < falling <= 1.1
    said = answer(predict(evidence, 600), evidence, BOUNDS)
    assert said.low < said.position < said.high
    assert said.base < said.top < 2


def test_flat_and_open_answers_are_said_to_be():
    flat = [lane(x, n, 1 + 0.001 * abs(x) + 2 * (n < 10)) for n in (25, 75) for x in range(-9, 3)]
    evidence = gather(flat, START, 16, 0)
    said = answer(predict(evidence, 600), evidence, BOUNDS)
    assert any("flat" in words for words in said.warnings)


class Scripted:
    """A flyer whose lanes' losses are a function."""

    def __init__(self, loss, total=600, steady=False, tried=0):
        self.loss, self.flown, self.updates, self.tried = loss, [], 0, tried
        self.shape = SimpleNamespace(total=total, steady=steady, returns=False)

    def start(self, seed):
        return Start(None, seed, START)

    def consider(self, start, rates, updates):
        """Nothing is tried."""

    def cost(self, start, rate, updates):
        return updates

    def fly(self, start, rate, updates, look=False):
        self.updates += updates
        self.flown.append((math.log2(rate), updates))
        return lane(math.log2(rate), updates, self.loss(math.log2(rate), updates))

    def fly_all(self, start, rates, updates, look=False):
        return [self.fly(start, rate, updates) for rate in rates]


def searched(loss, **options):
    flyer = Scripted(loss, **options)
    search = Search(flyer, EFFORTS["standard"], BOUNDS)
    search.run(0)
    return flyer, search


@pytest.mark.parametrize("tried", [15, 21])
@pytest.mark.parametrize(("drift", "best"), [(2, -5), (-1, -6), (3, -6)])
def test_what_a_trial_took_makes_the_last_lanes_shorter(drift, best, tried):
    """No more is spent than may be, and none of the lanes is left out."""

    def loss(x, n):
        return 1 + abs(x - best - drift * (n > 25) - drift * (n > 75)) / 16

    sober, _ = searched(loss)
    assert sober.updates == 1000
    flyer, _ = searched(loss, tried=tried)
    assert flyer.updates == 1000 - tried
    assert [x for x, _ in flyer.flown] == [x for x, _ in sober.flown]
    assert min(n for _, n in flyer.flown) == 25


@pytest.mark.parametrize("tried", [400, 700, 900])
def test_where_lanes_failed_late_nothing_more_is_flown_than_may_be(tried):
    flyer, search = searched(lambda x, n: 1 + abs(x + 5) / 16, tried=tried)
    assert flyer.updates + tried <= 1000
    assert min(n for _, n in flyer.flown) >= 8
    assert search.lanes


@pytest.mark.parametrize("best", [-16, -8.5, -1, 3.3, 6])
def test_the_bracket_holds_the_best_wherever_it_is(best):
    _, search = searched(lambda x, n: 1 + abs(x - best) / 20)
    first = search.rungs[0]
    assert min(first) <= best - 1 or best - 2 < BOUNDS[0]
    assert max(first) >= best + 1 or best + 2 > BOUNDS[1]
    last = search.rungs[-1]
    assert abs(search.best(last) - best) <= 1


@pytest.mark.parametrize("drift", [-2.0, 2.0])
def test_a_rung_is_widened_where_its_best_is_at_an_edge(drift):
    """The best rate of longer lanes lies two octaves away from that of the shortest."""
    _, search = searched(lambda x, n: 1 + abs(x + 4 - drift * (n > 25)) / 16)
    second = search.rungs[1]
    best = search.best(second)
    assert abs(best - (-4 + drift)) <= 0.5
    assert min(second) < best < max(second)


def test_nothing_is_flown_above_a_lane_that_diverged():
    flyer, _ = searched(lambda x, n: math.inf if x > -6 else 2 - x / 100)
    assert max(x for x, n in flyer.flown if n == 25) <= -4


def test_where_nothing_moves_the_search_goes_on_to_both_ends():
    flyer, _ = searched(lambda x, n: 3.0 if x < 4 else 1.0)
    positions = [x for x, n in flyer.flown if n == 25]
    assert max(positions) >= 4
    still, _ = searched(lambda x, n: 3.0)
    assert min(x for x, n in still.flown) == BOUNDS[0]

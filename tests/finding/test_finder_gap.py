"""What is learnt by heart: the gap between validation and training, and what follows from it."""

import math

import numpy as np
import pytest

from glidepath.finding.finder.evidence import gather, with_looks
from glidepath.finding.finder.found import Lane, Look
from glidepath.finding.finder.gap import NONE, gap_of
from glidepath.finding.finder.law import least_expected, predict

EPOCH = 40
START = 3 + 0.01 * np.arange(-3.5, 4)


def trained(position, updates):
    return 1 + 2 * (1 + 2.0 ** (position + math.log2(updates) + 1)) ** -0.5


def behind(position, updates, size=0.02):
    return size * 2.0 ** (0.75 * (position + math.log2(updates))) * max(1 - EPOCH / updates, 0)


def lane(position, updates, size=0.02, losses=True):
    loss = trained(position, updates) + behind(position, updates, size)
    wobble = 0.02 * np.cos(np.arange(updates))
    batches = trained(position, updates) + wobble
    parts = tuple(loss + 0.01 * np.arange(-3.5, 4))
    return Lane(2.0**position, updates, loss, parts, tuple(batches) if losses else (), False)


def lanes_of(size=0.02, losses=True):
    return [
        lane(x, n, size, losses)
        for n, positions in ((25, range(-8, 3, 2)), (75, range(-3, 2)), (150, range(-3, 2)))
        for x in positions
    ]


def read(lanes, per_epoch=EPOCH, total=600, **options):
    return least_expected(predict(gather(lanes, START, 16, 0, per_epoch), total, **options))


def test_the_gap_is_seen_in_the_last_batches_and_grows_with_the_sum_of_the_rates():
    gap = gap_of(lanes_of(), 1.0, EPOCH)
    for position, updates in ((0, 150), (-2, 150), (-3, 600), (0, 600)):
        # Half of it is believed, and a little less, because it might be noise.
        found = float(gap.at(np.array([float(position)]), np.array([float(updates)]))[0])
        assert 0.35 < found / behind(position, updates) < 0.75
    assert gap.at(np.zeros(1), np.array([30.0])) == 0


def test_where_it_grows_the_answer_is_lower():
    best = min(np.arange(-8, 3, 0.05), key=lambda x: trained(x, 600) + behind(x, 600))
    without, found = read(lanes_of(), per_epoch=None), read(lanes_of())
    assert found < without - 0.4
    assert abs(found - best) < abs(without - best)


@pytest.mark.parametrize(
    ("lanes", "per_epoch"),
    [(lanes_of(), None), (lanes_of(), 150), (lanes_of(losses=False), EPOCH), (lanes_of()[:3], 1)],
)
def test_there_is_none_without_repetition_or_losses(lanes, per_epoch):
    assert gap_of(lanes, 1.0, per_epoch) is NONE


def test_a_validation_split_that_is_harder_or_easier_is_no_gap():
    for harder in (-0.2, 0.2):
        moved = [
            Lane(x.rate, x.updates, x.score + harder, x.probe, x.losses, False)
            for x in lanes_of(size=0.0)
        ]
        gap = gap_of(moved, 1.0, EPOCH)
        assert float(gap.at(np.zeros(1), np.array([600.0]))[0]) < 0.06


def test_lanes_that_have_only_just_seen_an_example_again_foretell_no_gap():
    """What differs between lanes then is noise, and hardly anything to divide it by."""
    wobbly = [
        Lane(x.rate, x.updates, x.score + 0.1 * (x.rate > 0.5), x.probe, x.losses, False)
        for x in lanes_of(size=0.0)
    ]
    gap = gap_of(wobbly, 1.0, 134)  # the middle of the longest lanes' last batches is update 135
    assert gap is not NONE
    assert float(gap.at(np.array([1.0]), np.array([600.0]))[0]) < 0.01


def test_a_look_on_the_way_is_a_shorter_lane():
    long = lane(0, 150)
    looked = Lane(**{**vars(long), "looks": (Look(75, (1.0,) * 8), Look(100, (2.0,) * 8))})
    both = with_looks([looked, lane(0, 75)])
    assert [(x.rate, x.updates) for x in both] == [(1.0, 150), (1.0, 75), (1.0, 100)]
    assert both[-1].score == 2 and both[-1].losses == long.losses[:100] and not both[-1].looks
    fallen = Lane(**{**vars(looked), "diverged": True})
    assert with_looks([fallen]) == [fallen]


def test_a_rate_that_never_falls_stays_below_what_was_tried_where_no_cliff_was_seen():
    lanes = [lane(x, n, 0.0) for n in (25, 75, 150) for x in range(-4, 2)]
    evidence = gather(lanes, START, 16, 0)
    assert evidence.cliff is None
    falling, steady = read(lanes, None), read(lanes, None, steady=True)
    assert steady < evidence.last_good <= falling
    # At the length of the lanes there is nothing to fear.
    assert read(lanes, None, total=150, steady=True) == read(lanes, None, total=150)

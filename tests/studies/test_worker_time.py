"""What counts as training steps where a worker searches."""

import time

import pytest

from glidepath.studies.worker import _Timed
from glidepath.training.trainer import Laner, LaneTrier, Prober


class Slow:
    def advance(self, values):
        time.sleep(0.01)
        return "advanced", values

    def advance_lanes(self, states, values):
        time.sleep(0.02)
        return "lanes", states, values

    def probe(self, examples):
        time.sleep(0.05)


def test_lanes_side_by_side_are_steps_as_much_as_lanes_one_by_one():
    timed = _Timed(Slow())
    assert isinstance(timed, Laner) and isinstance(timed, Prober)
    assert not isinstance(timed, LaneTrier)
    assert timed.advance(1) == ("advanced", 1)
    assert timed.advance_lanes(2, 3) == ("lanes", 2, 3)
    timed.probe(1024)
    assert timed.seconds >= 0.03
    with pytest.raises(AttributeError):
        timed.try_lanes([], {})


def test_probing_is_no_step():
    timed = _Timed(Slow())
    timed.probe(1024)
    assert timed.seconds == 0

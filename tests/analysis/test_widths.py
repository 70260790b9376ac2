"""How wide intervals are: other seeds, other horizons, the middle of decays."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import run, wsd

import glidepath as gp
from glidepath.analysis import ensemble, predict
from glidepath.analysis.evidence import gather


def test_seeds_that_differ_widen_the_interval():
    same = [run(rates=wsd(), noise=0.0005, seed=seed) for seed in range(2)]
    apart = [same[0], type(same[1])(**{**vars(same[1]), "loss": 1.05 * same[1].loss})]
    narrow, wide = (ensemble.assemble(tuple(runs)) for runs in (same, apart))
    assert ensemble.LEVEL <= narrow.level < 0.001
    assert ensemble.assemble((same[0], same[0])).level == ensemble.LEVEL
    deviation = np.std(np.log([1.0, 1.05]), ddof=1)
    assert wide.level == pytest.approx(deviation * np.sqrt(0.5 * 1.5), rel=0.1)
    end = np.asarray([10_000.0])
    rates = wsd(60)
    spreads = [e.spread(e.curves(rates, end), rates, end)[0] for e in (narrow, wide)]
    assert spreads[1] > 5 * spreads[0]
    assert ensemble.assemble((same[0],)).level == pytest.approx(ensemble.LEVEL, rel=0.1)


def test_one_run_counts_what_seeds_usually_differ_by():
    """By the scatter of its losses, and by how small the data are that are seen again."""
    quiet, noisy = (run(rates=wsd(), noise=noise) for noise in (0.0002, 0.02))
    again, once = (replace(quiet, steps_per_epoch=per_epoch) for per_epoch in (25, 9000))
    levels = [ensemble.usual(gather((each,)), (each,)) for each in (quiet, noisy, again, once)]
    assert levels[0] == levels[3] == pytest.approx(0.0008, rel=0.1)
    assert levels[1] == pytest.approx(0.4 * 0.02, rel=0.3)
    assert levels[2] == pytest.approx(0.2 / 5, rel=0.01)
    found = predict(again, gp.wsd(1e-3, 200, "60%"))
    assert found.interval[1] - found.interval[0] > 2 * 1.6 * levels[2] * found.final
    assert any("counts 4.0%" in word for word in found.warnings)


def test_the_interval_is_wide_in_the_middle_of_a_decay_and_away_from_the_probes_length():
    fitted = ensemble.assemble((run(rates=wsd(), noise=0.0005),))
    rates = wsd(60)

    def wide(at, curve=rates):
        end = np.asarray([float(at)])
        return fitted.spread(fitted.curves(curve, end), curve, end)[0]

    middle, end = wide(7000), wide(10_000)
    assert middle > 1.5 * end
    assert wide(14_000, wsd(60, total=20_000)) > middle, "and wider at a longer horizon"
    near, same, far = (wide(n, wsd(20, total=n)) for n in (5000, 10_000, 20_000))
    assert near > 1.5 * same and far > 1.5 * same

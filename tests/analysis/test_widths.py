"""How wide intervals are: other seeds, other horizons, the middle of decays."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import constant, run, wsd

import glidepath as gp
from glidepath.analysis import ensemble, predict, widths
from glidepath.analysis.evidence import gather
from glidepath.analysis.widths import Asked, Widths, time_of_decay


def test_seeds_that_differ_widen_the_interval():
    same = [run(rates=wsd(), noise=0.0005, seed=seed) for seed in range(2)]
    apart = [same[0], type(same[1])(**{**vars(same[1]), "loss": 1.05 * same[1].loss})]
    narrow, wide = (ensemble.assemble(tuple(runs)) for runs in (same, apart))
    assert widths.LEVEL <= narrow.level < 0.001
    assert ensemble.assemble((same[0], same[0])).level == widths.LEVEL
    deviation = np.std(np.log([1.0, 1.05]), ddof=1)
    assert wide.level == pytest.approx(deviation * np.sqrt(0.5 * 1.5), rel=0.1)
    end = np.asarray([10_000.0])
    rates = wsd(60)
    spreads = [e.spread(e.curves(rates, end), rates, end)[0] for e in (narrow, wide)]
    assert spreads[1] > 5 * spreads[0]
    assert ensemble.assemble((same[0],)).level == pytest.approx(widths.LEVEL, rel=0.1)


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


def made(seeds=widths.LEVEL, restarted=False):
    """Widths from a probe of 10,000 updates whose loss is 3 and falls as 0.3·S^−½."""
    return Widths((wsd(20),), 10_000, 0.3, 0.5, seeds, restarted)


def deviation(share, total=10_000, members=0.0, gain=0.0, at=None, given=None):
    rates = wsd(share, total=total)
    asked = Asked(rates, np.asarray([float(at or total)]), np.asarray([gain]))
    three = np.asarray([3.0])
    return float((given or made()).level(three, three * members, asked)[0]) / 3


def test_each_part_of_the_width_is_what_it_says():
    alike = deviation(20)
    assert alike == pytest.approx(widths.LEVEL)

    def part(*asked, **more):
        return np.sqrt(deviation(*asked, **more) ** 2 - alike**2)

    assert part(20, 20_000) == pytest.approx(widths.FURTHER * 0.1 * (1 - 2**-0.5), rel=0.02)
    assert part(20, 5000) == pytest.approx(widths.NEARER * 0.1 * (2**0.5 - 1), rel=0.02)
    earlier = np.log2(0.9 / 0.6)
    assert part(80) == pytest.approx(widths.TIMING * earlier, rel=0.02)
    assert part(20, gain=0.3, at=9000) == pytest.approx(widths.MIDDLE * 0.1, rel=0.05)
    assert part(20, members=0.004) == pytest.approx(widths.SURE * 0.004)
    assert part(20, members=0.05) == pytest.approx(0.05 - widths.USUAL)
    for other in (made(seeds=0.01), made(restarted=True)):
        square = deviation(20, members=0.01, given=other) ** 2 - other.seeds**2
        assert square == pytest.approx(0.01**2)


def test_differences_are_surer_the_more_alike_the_decays_are():
    def apart(a, b, total=10_000, gains=(0.0, 0.0)):
        ends = [
            Asked(wsd(share, total=total), np.asarray([float(total)]), np.asarray([gain]))
            for share, gain in zip((a, b), gains, strict=True)
        ]
        return made().difference(np.asarray([3.0]), np.zeros(1), *ends)[0] / 3

    least = np.hypot(widths.SHAPE, widths.PAIRED * widths.LEVEL)
    assert apart(20, 20, 20_000) == pytest.approx(least, rel=1e-3)
    later = np.log2(0.9 / 0.6)
    assert apart(20, 80) == pytest.approx(np.hypot(least, widths.SHAPE_TIMING * later), rel=0.02)
    assert apart(20, 80, 20_000) > apart(20, 80) and apart(20, 80, 5000) > apart(20, 80)
    gained = np.hypot(least, widths.SHAPE_GAIN * 0.1)
    assert apart(20, 20, gains=(0.3, 0.0)) == pytest.approx(gained, rel=1e-3)


def test_the_time_of_a_decay_is_a_share_of_the_run():
    ends = [time_of_decay(wsd(20, total=n), np.asarray([float(n)]))[0] for n in (10_000, 40_000)]
    assert 2.0 ** ends[0] == pytest.approx(0.9, rel=0.01) == 2.0 ** ends[1]
    assert np.isnan(time_of_decay(constant(), np.asarray([10_000.0]))[0])
    assert np.isnan(time_of_decay(wsd(20), np.asarray([5000.0]))[0])

"""The formula inside JAX's compiled step, where there is no table: as near as is stated."""

from __future__ import annotations

from fractions import Fraction

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import glidepath as gp
from glidepath.backends.optax.formulas import product_share
from glidepath.optax import schedule

pytestmark = pytest.mark.filterwarnings("ignore::glidepath.PortingWarning")
hugging = gp.compat.transformers.get_scheduler
LONG = 2**25 + 7
ENDLESS = {
    "constant": gp.constant(0.1),
    "exponential": gp.exponential_decay(0.1, 0.9, 2**22),
    "staircase": gp.exponential_decay(0.1, 0.9, 2**24 + 1, staircase=True),
    "staircase, short": gp.step_decay(0.1, 0.999999, 3),
    "inverse time": gp.inverse_time_decay(0.1, 0.5, 1000),
    "power": gp.power_decay(0.1, 10**6, 0.5),
    "polynomial cycle": gp.polynomial_decay(0.1, 0.01, 12345, 2.0, cycle=True),
    "restarts": gp.cosine_restarts(0.1, 1000, 2.0, 0.9, 0.01),
    "equal restarts": gp.cosine_restarts(0.1, 1001, 1.0, 1.0, 0.01),
    "growing, between updates": gp.compat.keras.CosineDecayRestarts(0.1, 1000, 1.7, 0.9, 0.1),
    "piecewise": gp.piecewise_constant([0.1, 0.05, 0.01], [2**24 + 1, 2**28 + 1]),
    "triangular": gp.triangular(0.01, 0.1, 2**24 + 5),
    "triangular2": gp.triangular(0.01, 0.1, 12345, "triangular2"),
    "exp_range": gp.triangular(0.01, 0.1, 777, "exp_range", 0.99999),
    "cyclic": gp.compat.torch.CyclicLR(0.1, 0.5, 700, 1300),
    "inverse sqrt": gp.inverse_sqrt(0.1, 4000),
    "joined": gp.linear(0, 0.1, 2**24 + 3) >> gp.exponential_decay(0.1, 0.5, 2**20),
    "taken and clipped": (gp.step_decay(0.1, 0.5, 10).take(35) >> gp.constant(0.02)).clip(0.015),
    "repeated": gp.linear(0.1, 0.01, 1000).repeat(2**15) >> gp.power_decay(0.01, 100),
    "product": 0.5 * gp.inverse_sqrt(0.1, 400) * gp.triangular(0.5, 1.0, 1000),
    "long restarts": gp.cosine_restarts(0.1, 1000, 20.0),
    "long, between updates": gp.compat.keras.CosineDecayRestarts(0.1, 1000, 20.5),
    "equal, between updates": gp.compat.keras.CosineDecayRestarts(0.1, 1000, 1.0, 0.9),
    "cyclic momentum": gp.compat.torch.CyclicLR(0.1, 0.5, 2**25, base_momentum=1e-3).momentum,
}


LASTING = {
    "linear": gp.linear(2.0, 0.0, "100%"),
    "cosine up": gp.cosine_decay(1e-6, "100%", 0.1),
    "polynomial": gp.polynomial_decay(0.1, 0.0, "100%", 0.5),
    "polynomial up": gp.polynomial_decay(1e-4, 0.1, "100%", 0.5),
    "wsd": gp.wsd(0.1, "5%", "20%", shape="sqrt"),
    "ramp": gp.exponential_ramp(1e-6, 1.0, "100%"),
    "waves": hugging("cosine", 0.1, 1000, LONG, {"num_cycles": 2.3}),
    "torch's 1cycle": gp.compat.torch.OneCycleLR(0.1, LONG, pct_start=0.234).learning_rate,
    "exponent": gp.compat.optax.cosine_decay_schedule(0.1, LONG, 0.0, exponent=3.0),
}
"""Longer than a table; the small rates near the end are where float32 has little to give."""
EXTENDED = {
    "from the start": gp.cosine_restarts(0.1, 2**21, 2.0).plan(2**24).extend(2**30),
    "jumps": gp.step_decay(0.1, 0.5, 2**20).plan(2**24).extend(2**25 - 1, at=2**20 + 2),
    "past LAST": gp.cosine_decay(0.1, "100%").plan(2**30 + 2**29).extend(2**31, at=2**30 + 9),
    "twice": (gp.linear(0, 0.1, 999) >> gp.cosine_decay(0.1, "rest"))
    .plan(2**23)
    .extend(2**24, at=2**20)
    .extend(2**25, at=2**23),
    "cooled down": gp.constant(0.1).plan(2**24).extend(2**25).cooldown_from(2**25 - 99, 2**20),
}


def check(plan, top):
    """Within 1e-6 of the peak and, above a thousandth of it, within 1e-5 of the value itself."""
    flown, rng = jax.jit(schedule(plan)), np.random.default_rng(0)
    edges = [0, 400, 1000, 12345, 2**20, 2**24, 2**24 + 2**10, 2**25, 2**28, top - 60]
    edges += [round(top * (1 - 10.0**-j)) for j in (0.5, 1, 1.5, 2, 3)]
    drawn = rng.integers(0, top, 300), np.exp(rng.uniform(0, np.log(top), 60)).astype(int)
    turns = np.add.outer(sorted(plan.learning_rate.curve.marks(top))[-30:], [-2, -1, 0, 1]).ravel()
    near = [np.arange(-50, 60) + edge for edge in edges]
    steps = np.unique(np.concatenate([turns, *near, *drawn]))
    steps = steps[(steps >= 0) & (steps < top)]
    runs = np.split(steps, np.flatnonzero(np.diff(steps) > 1) + 1)
    values = np.asarray(flown(jnp.asarray(steps, jnp.int32)))
    wanted = np.concatenate([plan.learning_rate.block(run[0], run[-1] + 1) for run in runs])
    gap, peak = np.abs(values - wanted), wanted.max()
    assert values.dtype == np.float32
    assert (gap <= 1e-6 * peak).all(), (steps[gap.argmax()], gap.max() / peak)
    high = wanted > 1e-3 * peak
    share = gap[high] / wanted[high]
    assert (share <= 1e-5).all(), (steps[high][share.argmax()], share.max())


@pytest.mark.parametrize("name", ENDLESS)
def test_without_an_end_the_formula_is_within_the_stated_tolerance(name):
    check(gp.as_policy(ENDLESS[name]).plan(), 2**30)


@pytest.mark.parametrize("name", LASTING)
def test_above_the_longest_table_the_formula_is_within_the_stated_tolerance(name):
    check(gp.as_policy(LASTING[name]).plan(LONG), LONG)


@pytest.mark.parametrize("name", EXTENDED)
def test_a_plan_that_was_extended_has_a_traced_form_too(name):
    plan = EXTENDED[name]
    assert plan.total_steps > 2**24
    check(plan, min(plan.total_steps, 2**30))


def test_the_product_of_a_step_and_a_share_is_exact_in_32_bits():
    rng = np.random.default_rng(1)
    steps = [0, 1, 2**30 - 1, 2**30, *rng.integers(0, 2**30, 30).tolist()]
    for share in (Fraction(2**31 - 2, 2**31 - 1), Fraction(7, 5)):
        held = [k for k in steps if k * share < 2**31]
        whole, rest = jax.jit(lambda k, s=share: product_share(k, s))(jnp.asarray(held, jnp.int32))
        wanted = [divmod(k * share.numerator, share.denominator) for k in held]
        assert list(zip(whole.tolist(), rest.tolist(), strict=True)) == wanted

"""Runs made from known laws, so that what is found can be compared with what is true."""

import numpy as np

import glidepath as gp
from glidepath.analysis import LoggedRun
from glidepath.analysis.laws import LAWS, Scale, expose
from glidepath.analysis.rates import RateCurve, from_plan

TOTAL = 10_000
PEAK = 1e-3
SCALE = Scale(peak=PEAK, area=PEAK * TOTAL, horizon=TOTAL)
TRUE = {
    "log-power": (2.8, 0.20, 0.55, 0.034, 1800.0, 1.0),
    "tempered-power": (2.8, 0.20, 0.55, 0.07, 250.0, 0.9),
    "multi-power": (2.8, 0.20, 0.55, 0.20, 300.0, 0.6, 0.4),
    "tissue": (2.8, 0.20, 0.55, 0.12, 0.01),
    "quick-tissue": (2.8, 0.20, 0.55, 0.12),
    "power": (2.8, 0.20, 0.55),
}


def wsd(share=20, total=TOTAL, peak=PEAK, end=0.0) -> RateCurve:
    return from_plan(gp.wsd(peak, 200, f"{share}%", end).plan(total))


def cosine(total=TOTAL, peak=PEAK) -> RateCurve:
    return from_plan((gp.linear(0, peak, 200) >> gp.cosine_decay(peak, "rest")).plan(total))


def constant(total=TOTAL, peak=PEAK) -> RateCurve:
    return from_plan((gp.linear(0, peak, 200) >> gp.constant(peak)).plan(total))


def truth(law, rates, moments, shifts=0.0):
    """The true loss, from the uncompressed schedule; `shifts` moves the parameters' logarithms."""
    parameters = np.asarray(TRUE[law]) * np.exp(shifts)
    return LAWS[law](parameters, expose(rates, moments, SCALE, most=10**9))


def drawn(law, seed):
    """Another training of the same kind: shifts of the parameters, by the law's own spread."""
    spread = np.asarray(LAWS[law].spread) * [0, 0.3, 1, *[0.7] * (len(TRUE[law]) - 3)]
    return spread * np.clip(np.random.default_rng(seed).normal(size=spread.size), -1.6, 1.6)


def run(
    law="tempered-power", rates=None, noise=0.0, seed=0, every=50, shifts=0.0, **more
) -> LoggedRun:
    curve = wsd() if rates is None else rates
    step = np.arange(every, curve.total + 1, every, dtype=float)
    scatter = np.exp(noise * np.random.default_rng(seed).normal(size=step.size))
    return LoggedRun(
        f"{law} {seed}", step, truth(law, curve, step, shifts) * scatter, curve, **more
    )

"""What a fit sees of the logged runs: after the warm-up, binned, with the noise measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.analysis.laws.law import Exposure, Scale, expose
from glidepath.analysis.rates import Array
from glidepath.analysis.run import LoggedRun

POINTS = 150
"""Losses are averaged to about this many per run."""
EARLY = 0.1
"""The share of a run, from its start, that is left out: no law describes it well, and what it
says of the exponent misleads about far horizons."""
FIT_DROPS = 100
"""The laws' sums are taken over this many changes of the rate while fitting."""


@dataclass(frozen=True)
class Evidence:
    """The losses of some runs, ready to be fitted."""

    scale: Scale
    exposures: tuple[Exposure, ...]
    loss: Array
    """The binned losses of all runs, one after the other, shape (m,)."""
    noise: float
    """The typical relative scatter of a binned loss about its neighbours."""


def gather(runs: tuple[LoggedRun, ...]) -> Evidence:
    """Bin the runs' losses and lay out what their schedules did by then."""
    scale = Scale(
        peak=max(run.rates.peak for run in runs),
        area=max(float(run.rates.area(run.total)) for run in runs),
        horizon=float(max(run.total for run in runs)),
    )
    parts = [binned(run) for run in runs]
    exposures = tuple(
        expose(run.rates, step, scale, FIT_DROPS)
        for run, (step, _) in zip(runs, parts, strict=True)
    )
    loss = np.concatenate([values for _, values in parts])
    noise = float(np.median([scatter(values) for _, values in parts]))
    return Evidence(scale, exposures, loss, noise)


def fitted_from(run: LoggedRun) -> float:
    """The update from which on a law is fitted to a run: what comes before has not settled."""
    return float(max(run.rates.warmup, EARLY * run.total))


def kept(run: LoggedRun) -> Array:
    """Which of a run's losses the laws are fitted to: a mask, shape (n,)."""
    first = fitted_from(run)
    return np.asarray((run.step >= first) & (run.loss > 0))


def binned(run: LoggedRun, most: int = POINTS) -> tuple[Array, Array]:
    """Steps and losses, neighbours averaged so that about `most` remain.

    The first third of the bins is even in the logarithm of the step, where the loss moves most.
    """
    mask = kept(run)
    step, loss = run.step[mask], run.loss[mask]
    if step.size <= most:
        return step, loss
    place = (step - step[0]) / (step[-1] - step[0])
    early = np.log(step / step[0]) / np.log(step[-1] / step[0]) if step[0] > 0 else place
    _, where = np.unique(np.floor((0.3 * early + 0.7 * place) * most), return_inverse=True)
    count = np.bincount(where)
    return np.bincount(where, step) / count, np.bincount(where, loss) / count


def scatter(loss: Array) -> float:
    """The relative scatter of a series about the line through its neighbours, robustly.

    The second difference of white noise has √6 times its deviation. Losses of zero or below have no
    relative scatter: 0.
    """
    if loss.size < 5 or loss.min() <= 0:
        return 0.0
    second = np.diff(np.log(loss), 2)
    return float(np.median(np.abs(second)) / 0.6745 / np.sqrt(6))

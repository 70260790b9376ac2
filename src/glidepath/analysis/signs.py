"""What a loss curve shows by itself: spikes, plateaus, and changes that no law explains."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.evidence import binned, scatter
from glidepath.analysis.fitting import Fit
from glidepath.analysis.laws import expose
from glidepath.analysis.laws.law import Scale
from glidepath.analysis.rates import Array
from glidepath.analysis.run import LoggedRun

_WINDOW = 9
_SPIKE = 8.0
"""A spike is this many times the scatter above its neighbours' median, and 1 % of it."""
_CHANGE = 8.0
"""A change is this many standard errors large, with neighbours alike, and half a per cent."""


def spikes(run: LoggedRun) -> Array:
    """The steps at which the loss jumps above its neighbours, after the warm-up."""
    step, loss = run.step, run.loss
    if loss.size < 2 * _WINDOW or loss.min() <= 0:
        return np.zeros(0)
    padded = np.pad(loss, _WINDOW // 2, mode="edge")
    middle = np.median(np.lib.stride_tricks.sliding_window_view(padded, _WINDOW), axis=1)
    above = loss / middle - 1
    late = step > max(run.rates.warmup, 0.02 * run.total)
    high = late & (above > max(_SPIKE * scatter(loss[late]), 0.01))
    first = high & ~np.concatenate([[False], high[:-1]])
    return np.asarray(step[first])


def plateau(run: LoggedRun) -> int | None:
    """The step from which the loss has not fallen any more, for a fifth of the run or more.

    Judged by the means of the run's last fifths: the last is not below the one before by more
    than chance, though the rate had not yet come down.
    """
    step, loss = binned(run)
    late, before = step > 0.8 * run.total, (step > 0.6 * run.total) & (step <= 0.8 * run.total)
    if late.sum() < 5 or before.sum() < 5:
        return None
    if float(run.rates.at(run.total - 1)) < 0.5 * run.rates.peak:
        return None
    with np.errstate(over="ignore"):  # of losses that are all but infinite
        noise = max(float(np.std(np.diff(loss[late]))) / np.sqrt(2), 1e-12)
    fell = float(np.mean(loss[before]) - np.mean(loss[late]))
    error = noise * float(np.sqrt(1 / late.sum() + 1 / before.sum()))
    if fell > max(2 * error, 1e-4 * float(np.mean(loss[late]))):
        return None
    return int(step[before][0])


def change(run: LoggedRun, found: Fit, scale: Scale) -> tuple[int, float] | None:
    """Where the loss left the fitted law for good, and by how much, relative; None if nowhere.

    The level of the residuals before and after each point is compared, with their errors taken as
    alike as neighbours are.
    """
    step, loss = binned(run)
    if loss.size < 30:
        return None
    residual = np.log(loss) - np.log(found(expose(run.rates, step, scale, 100)))
    n = residual.size
    counts = np.arange(1, n)
    sums = np.cumsum(residual)
    before, after = sums[:-1] / counts, (sums[-1] - sums[:-1]) / (n - counts)
    noise = max(float(np.median(np.abs(np.diff(residual)))) / 0.6745 / np.sqrt(2), 1e-4)
    size = (after - before) / (noise * np.sqrt(1 / counts + 1 / (n - counts)))
    inner = slice(9, n - 10)
    at = int(np.argmax(np.abs(size[inner]))) + 9
    shift = float(after[at] - before[at])
    if abs(float(size[at])) < _CHANGE or abs(shift) < 0.005:
        return None
    return int(step[at + 1]), shift

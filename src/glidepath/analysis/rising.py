"""A loss that ends above its lowest: over-fitting, which creeps, or divergence, which jumps."""

from __future__ import annotations

import numpy as np

from glidepath.analysis.evidence import EARLY, scatter
from glidepath.analysis.rates import Array, RateCurve
from glidepath.analysis.run import LoggedRun

HIGHER = 1.02
"""A loss diverged where it ends above this many times what it was after the warm-up."""
FELL = 0.02
"""A validation loss that creeps up must have fallen by this share before."""
AT_ONCE = 0.5
"""The share of a rise that makes a jump of it, where a twentieth of the log holds it."""
FAR = 2.0
"""Over-fitting does not take a loss above this many times its first value."""


def diverged(run: LoggedRun) -> bool:
    """Whether the loss was lost, or ends above where it was after the warm-up.

    A validation loss may rise because the model over-fits: where there is a training loss, that one
    is judged; where there is none, a validation loss that fell and then crept up has not diverged.
    """
    if run.lost is not None:
        return True
    step, loss = run.step, run.loss
    alone = run.of == "validation"
    if alone and run.others.get("train_loss", (step[:0],))[0].size >= 8:
        step, loss = run.others["train_loss"]
        alone = False
    settled = loss[step >= max(run.rates.warmup, EARLY * run.total)]
    if settled.size < 8:
        return False
    late = loss[-max(3, loss.size // 20) :]
    early = settled[: max(3, settled.size // 20)]
    higher = float(np.median(late)) > HIGHER * float(np.max(early))
    return higher and not (alone and crept(loss))


def crept(loss: Array) -> bool:
    """Whether a loss fell clearly and then rose little by little, as over-fitting does.

    Not so where a twentieth of the log holds half of the rise, or where the loss ends at more than
    twice its first value: that is divergence.
    """
    if loss.size < 8:
        return False
    padded = np.pad(loss, 1, mode="edge")
    smooth = np.median(np.lib.stride_tricks.sliding_window_view(padded, 3), axis=1)
    at = int(np.argmin(smooth))
    first, lowest = float(np.max(loss[: at + 1])), float(smooth[at])
    last = float(np.median(loss[-max(3, loss.size // 20) :]))
    width = max(1, loss.size // 20)
    rising = smooth[at:]
    if first - lowest < FELL * abs(lowest) or rising.size <= width or last > FAR * first:
        return False
    return float(np.max(rising[width:] - rising[:-width])) <= AT_ONCE * (last - lowest)


def rises(step: Array, loss: Array, rates: RateCurve) -> bool:
    """Whether a validation loss ends clearly above its lowest, though the rate did not rise."""
    width = max(3, loss.size // 20)
    smooth = np.convolve(loss, np.ones(width) / width, "valid")
    at = int(np.argmin(smooth))
    noise = scatter(loss) * float(smooth[at])
    margin = max(0.005 * float(smooth[at]), 5 * noise / np.sqrt(width))
    middle = step[width // 2 : width // 2 + smooth.size]
    quiet = float(rates.at(middle[-1])) <= 1.05 * float(rates.at(middle[at]))
    return bool(quiet and smooth[-1] - smooth[at] > margin)

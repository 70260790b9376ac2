"""A run that stops while its rate is still high: what it misses, in plain words."""

from __future__ import annotations

import numpy as np

from glidepath.training.flown import FlownPlan

_HIGH = 0.1
"""A rate below this share of its peak is low enough."""
_NEARLY = 0.98
"""A run is at its end from this share of the plan on; updates that AMP skips are missing there."""
_SHARE = 10
"""The cool-down that is offered takes one update for so many flown."""
_LOOKED_AT = 2**16


def unfinished(flown: FlownPlan, done: int, how: str) -> str | None:
    """A warning for a run that ends after `done` updates, or None where there is nothing to say.

    The advice is that of Hägele et al. 2024 (arXiv:2405.18392): a cool-down of 10 to 20 % of a
    run's updates gives about what a decay that was planned for that length gives.

    Args:
        flown: what was flown, with the controllers' factors.
        done: the updates that were made.
        how: the call that cools down, "{over}" for the number of updates and "{done}" for `done`.

    Returns:
        None before the first update, in the last 2 % of the plan and after it, and where the rate
        of the last update was at most 10 % of the highest so far.
    """
    total = flown.plan.total_steps
    if done < 1 or (total is not None and done >= _NEARLY * total):
        return None
    steps = np.unique(np.linspace(0, done - 1, min(done, _LOOKED_AT)).astype(np.int64))
    peak = float(np.max(flown.plan(steps)))
    rate = flown.values("learning_rate", done - 1, done)[0]
    if peak <= 0 or rate <= _HIGH * peak:
        return None
    of = "" if total is None else f" of {total}"
    over = max(1, round(done / _SHARE))
    call = how.format(over=over, done=done)
    return (
        f"training stopped at update {done}{of} with the learning rate at {rate / peak:.0%} of its "
        f"peak ({rate:.3g} of {peak:.3g}). A cool-down usually lowers the loss by what the rest of "
        f"the decay would have: train {over} more updates ({1 / _SHARE:.0%}) after {call}"
    )

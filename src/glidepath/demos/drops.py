"""The step in the loss curve when the rate drops, on a real network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.demos.network import Trained, train
from glidepath.demos.rules import Sgd
from glidepath.errors import ArgumentError
from glidepath.schedules import Schedule, checks, constant, piecewise_constant
from glidepath.training.trainer import Array

RATE, FACTOR, UPDATES, SEEDS = 0.8, 0.1, 2000, 4
HIGHEST_RATE = 2.0
DROPS = (0.5, 0.75)
"""Where the rate drops, as shares of the run."""
LONGEST, MOST_SEEDS, SHORTEST = 20_000, 20, 200
_EVERY = 40
_WINDOW = 0.08


@dataclass(frozen=True)
class Flown:
    """Several seeds of one schedule."""

    name: str
    """ "fixed" or "piecewise"."""
    rates: Array
    trained: Trained


@dataclass(frozen=True)
class Drop:
    """A drop of the rate, and what the training loss did; means over a window and all seeds."""

    update: int
    before: float
    """The loss in the window before the drop."""
    after: float
    """The loss in the window after it, a third of the window later."""
    fixed_before: float
    """The same for the run whose rate did not drop."""
    fixed_after: float


@dataclass(frozen=True)
class Decay:
    """The network at a fixed rate, and with a rate that drops twice."""

    factor: float
    runs: tuple[Flown, Flown]
    drops: tuple[Drop, ...]


def decay(
    rate: float = RATE, factor: float = FACTOR, updates: int = UPDATES, seeds: int = SEEDS
) -> Decay:
    """Train a network on digits at a fixed rate, and at one that drops after 50 % and 75 %.

    The optimizer is plain SGD, the batch 16 images. Both runs of a seed begin with the
    same weights and see the same batches, so they are the same until the first drop.

    Args:
        rate: the rate before any drop; at most 2.
        factor: what a drop multiplies it with, between 0 and 1.
        updates: the length of a run.
        seeds: how many runs of each.

    Raises:
        ArgumentError: a number that cannot be, as the message says.
        MissingExtraError: scikit-learn, which has the digits, is not installed.
    """
    where = "decay"
    rate = checks.number(where, "rate", rate, positive=True)
    factor = checks.number(where, "factor", factor, positive=True)
    if rate > HIGHEST_RATE or factor >= 1:
        raise ArgumentError(
            f"{where}: rate must be at most {HIGHEST_RATE:g} (the network learns nothing above "
            f"it) and factor below 1, got rate {rate:g} and factor {factor:g}"
        )
    updates = checks.count(where, "updates", updates, least=SHORTEST)
    seeds = checks.count(where, "seeds", seeds)
    if updates > LONGEST or seeds > MOST_SEEDS:
        raise ArgumentError(
            f"{where}: updates must be at most {LONGEST} and seeds at most {MOST_SEEDS}, got "
            f"{updates} and {seeds}; this is a demonstration of seconds"
        )
    rates = [rate * factor**i for i in range(len(DROPS) + 1)]
    schedules: dict[str, Schedule] = {
        "fixed": constant(rate),
        "piecewise": piecewise_constant(rates, [f"{100 * share:g}%" for share in DROPS]),
    }
    tables = {name: s.plan(updates).table() for name, s in schedules.items()}
    trained = train(
        Sgd(),
        np.repeat(np.stack(list(tables.values())), seeds, axis=0),
        [*range(seeds)] * 2,
        every=_EVERY,
    )
    fixed, dropped = (
        Flown(name, table, _rows(trained, slice(i * seeds, (i + 1) * seeds)))
        for i, (name, table) in enumerate(tables.items())
    )
    drops = [_drop(round(share * updates), fixed, dropped) for share in DROPS]
    return Decay(factor, (fixed, dropped), tuple(drops))


def _rows(trained: Trained, rows: slice) -> Trained:
    return Trained(
        trained.losses[rows], trained.evaluated, trained.validation[rows], trained.accuracy[rows]
    )


def _drop(update: int, fixed: Flown, dropped: Flown) -> Drop:
    window = max(1, round(_WINDOW * len(fixed.rates)))
    before = slice(update - window, update)
    after = slice(update + window // 3, update + window // 3 + window)
    means = [
        float(run.trained.losses[:, part].mean())
        for run in (dropped, fixed)
        for part in (before, after)
    ]
    return Drop(update, *means)

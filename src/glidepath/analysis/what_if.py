"""What other schedules would have given in a study, from its own runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from glidepath.analysis.ensemble import Ensemble, assemble
from glidepath.analysis.optimisation import Recommendation, recommend
from glidepath.analysis.prediction import Difference, difference
from glidepath.analysis.rates import RateCurve, from_plan
from glidepath.analysis.refusal import RefusedError, check_runs
from glidepath.analysis.run import LoggedRun
from glidepath.analysis.widths import NORMAL_90

SEEDS = 3
"""Runs of one policy that a law is fitted to."""
TRIES = 1
"""Policies whose law is fitted before giving up: each takes a second or so."""
STARTS = 2
"""Starts of each fit: fewer than `predict` takes, for a study waits for it."""
ASKING = 1.0
"""Seconds that it takes on one core."""
SHARE = 0.1
"""The share of the training steps' time that it may take."""


@dataclass(frozen=True)
class Row:
    """The loss at the end under one schedule."""

    schedule: str
    total: int
    final: float
    width: float
    """Half of the 90 % interval."""
    against: Difference | None
    """To the source's own schedule at the same length."""


@dataclass(frozen=True)
class WhatIf:
    """What the runs of one policy of a study say of other schedules at its peak rate."""

    source: str | None
    """The policy whose runs the law was learnt from; None where all are refused."""
    runs: int
    of: str
    """ "train" or "validation"."""
    peak: float
    rows: tuple[Row, ...]
    recommended: Recommendation | None
    refused: Mapping[str, str]
    """Policy → why its runs cannot answer, in the order they were asked."""


def what_if(flights: Sequence[tuple[str, Sequence[LoggedRun]]]) -> WhatIf:
    """Ask the first policy whose runs can answer what other schedules would have given.

    Args:
        flights: policies with their runs, the preferred first.
    """
    refused: dict[str, str] = {}
    tries = 0
    for name, given in flights:
        runs = tuple(given[:SEEDS])
        try:
            _check(name, runs)
            if tries == TRIES:
                break
            tries += 1
            ensemble = assemble(runs, starts=STARTS)
        except RefusedError as error:
            refused[name] = str(error)
            continue
        return _answer(name, ensemble, refused)
    return WhatIf(None, 0, "train", 0.0, (), None, refused)


def _check(name: str, runs: tuple[LoggedRun, ...]) -> None:
    if not runs:
        raise RefusedError("too_few", f"{name} has no run that came to its end", "lower its rate")
    if runs[0].rates.rises_again:
        raise RefusedError(
            "no_drop",
            f"the rate of {name} rises again, and laws are learnt from one that comes down",
            "look at a policy with one decay",
        )
    check_runs(runs)


def _answer(name: str, ensemble: Ensemble, refused: Mapping[str, str]) -> WhatIf:
    own = ensemble.runs[0]
    total, rates = own.total, own.rates
    best = recommend(ensemble, rates.peak, rates.warmup, total)
    curves = {
        f"{name}, as it was": rates,
        best.words: from_plan(best.policy.plan(total)),
        "the same, twice as long": from_plan(best.policy.plan(2 * total)),
    }
    rows = tuple(_row(ensemble, words, curve, rates) for words, curve in curves.items())
    return WhatIf(name, len(ensemble.runs), own.of, rates.peak, rows, best, dict(refused))


def _row(ensemble: Ensemble, words: str, rates: RateCurve, own: RateCurve) -> Row:
    end = np.asarray([float(rates.total)])
    curves = ensemble.curves(rates, end)
    width = NORMAL_90 * float(ensemble.spread(curves, rates, end)[0])
    against = None
    if rates is not own and rates.total == own.total:
        mean, half = difference(ensemble, rates, own)
        against = Difference(mean, mean - half, mean + half, ())
    return Row(words, rates.total, float(ensemble.centre(curves)[0]), width, against)

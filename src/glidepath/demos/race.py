"""Six optimizers on the same landscape and on the digits, at a fixed rate and under a cosine.

A comparison of optimizers at one rate for all says nothing: their rates differ by orders of
magnitude. So each one here first searches its own best rate, for the fixed rate and for the cosine
apart, over a grid of some rates a decade; what is reported is trained from other seeds than those
that chose the rate.

The landscape is a bent valley, f(x, y) = (x − 1)²/20 + 3·(y − x²/2)²/2, with its minimum at
(1, 1/2); every gradient has noise added, as a mini-batch's has.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glidepath.demos import network
from glidepath.demos.rules import RULES, Rule
from glidepath.errors import ArgumentError
from glidepath.schedules import checks, constant, cosine_decay
from glidepath.training.trainer import Array

STEPS, UPDATES, NOISE = 300, 500, 0.3
LONGEST = 5000
SCHEDULES = ("fixed", "cosine")
MINIMUM = (1.0, 0.5)
START = (-2.2, 0.3)
_SEEDS = 8
_VALLEY_RATES: dict[str, tuple[float, float]] = {
    "sgd": (-2.5, 0.0),
    "momentum": (-3.0, -0.5),
    "adagrad": (-1.0, 1.5),
    "adadelta": (0.0, 2.5),
    "rmsprop": (-2.5, 0.0),
    "adam": (-2.5, 0.0),
}
"""The powers of ten between which the landscape's rates are searched, four a decade."""
_DIGITS_RATES: dict[str, tuple[float, float]] = {
    "sgd": (-1.5, 0.5),
    "momentum": (-2.5, -0.5),
    "adagrad": (-2.5, -0.5),
    "adadelta": (-0.5, 1.5),
    "rmsprop": (-3.0, -1.0),
    "adam": (-3.0, -1.0),
}
"""The same on the digits, two a decade."""
_CHOOSE, _REPORT = (100, 101), (0, 1, 2, 3)


@dataclass(frozen=True)
class Raced:
    """One optimizer under one schedule, at the best of its rates."""

    optimizer: str
    schedule: str
    """ "fixed" or "cosine"."""
    rate: float
    """The best rate of the grid: the fixed one, or the cosine's first."""
    at_edge: bool
    """Whether that was the grid's lowest or highest rate: the best may lie outside."""
    path: Array
    """On the landscape: steps + 1 rows of (x, y), of the first seed. Empty on the digits."""
    losses: Array
    """Seeds × steps + 1 on the landscape; seeds × looks at the validation images on the digits."""
    evaluated: Array
    """After how many updates each column of the losses was measured."""
    accuracy: Array
    """On the digits: the share of validation images recognised at the end, by seed."""

    @property
    def end(self) -> float:
        """On the landscape the mean loss of the last tenth of the run, on the digits the last."""
        last = max(1, self.losses.shape[1] // 10) if self.path.size else 1
        return float(self.losses[:, -last:].mean())


@dataclass(frozen=True)
class Race:
    """All of it."""

    noise: float
    landscape: tuple[Raced, ...]
    digits: tuple[Raced, ...]


def optimizers(
    steps: int = STEPS, updates: int = UPDATES, noise: float = NOISE, seed: int = 0
) -> Race:
    """Race six optimizers, each at its own best rate, fixed and under a cosine.

    Args:
        steps: on the landscape.
        updates: on the digits; 0 leaves the digits out.
        noise: the standard deviation of what is added to the landscape's gradients.
        seed: of that noise.

    Raises:
        ArgumentError: a number that cannot be, as the message says.
        MissingExtraError: scikit-learn, which has the digits, is not installed.
    """
    where = "optimizers"
    steps = checks.count(where, "steps", steps, least=10)
    updates = checks.count(where, "updates", updates, least=0)
    seed = checks.count(where, "seed", seed, least=0)
    noise = checks.number(where, "noise", noise)
    if max(steps, updates) > LONGEST or noise > 10:
        raise ArgumentError(
            f"{where}: steps and updates must be at most {LONGEST} and noise at most 10, got "
            f"{steps}, {updates} and {noise:g}"
        )
    draws = np.random.default_rng(seed).normal(0, noise, (2, _SEEDS, steps, 2))
    landscape = [
        raced for name, rule in RULES.items() for raced in _on_landscape(name, rule, draws)
    ]
    digits = [
        raced
        for name, rule in RULES.items()
        for raced in (_on_digits(name, rule, updates) if updates else ())
    ]
    return Race(noise, tuple(landscape), tuple(digits))


def valley(x: Array, y: Array) -> Array:
    """The landscape's loss at (x, y)."""
    return np.asarray((x - 1) ** 2 / 20 + 1.5 * (y - x**2 / 2) ** 2)


def valley_slope(places: Array) -> Array:
    """The landscape's gradient, at rows of (x, y)."""
    x, y = places[..., 0], places[..., 1]
    off = y - x**2 / 2
    return np.stack([(x - 1) / 10 - 3 * off * x, 3 * off], axis=-1)


def shapes(steps: int) -> dict[str, Array]:
    """Both schedules as shares of their first rate."""
    return {
        "fixed": constant(1.0).plan(steps).table(),
        "cosine": cosine_decay(1.0, "100%").plan(steps).table(),
    }


def _grid(limits: tuple[float, float], a_decade: int) -> Array:
    low, high = limits
    return np.asarray(10 ** np.linspace(low, high, round((high - low) * a_decade) + 1))


def _on_landscape(name: str, rule: Rule, draws: Array) -> list[Raced]:
    """Choose the rate with the first half of the draws, and race with the second."""
    steps = draws.shape[2]
    grid = _grid(_VALLEY_RATES[name], 4)
    found = []
    for schedule, shape in shapes(steps).items():
        rates = np.repeat(grid, _SEEDS)[:, None] * shape
        _, losses = _descend(rule, rates, np.tile(draws[0], (len(grid), 1, 1)))
        ends = losses[:, -max(1, steps // 10) :].mean(axis=1).reshape(len(grid), _SEEDS)
        best = _best(ends)
        paths, losses = _descend(rule, np.tile(grid[best] * shape, (_SEEDS, 1)), draws[1])
        edge = best in (0, len(grid) - 1)
        at = np.arange(steps + 1.0)
        rate = float(grid[best])
        found.append(Raced(name, schedule, rate, edge, paths[0], losses, at, np.empty(0)))
    return found


def _best(ends: Array) -> int:
    """The rate with the lowest mean; one that diverged on any seed is the worst."""
    means = ends.mean(axis=1)
    return int(np.argmin(np.where(np.isfinite(means), means, np.inf)))


def _descend(rule: Rule, rates: Array, noise: Array) -> tuple[Array, Array]:
    """Runs × steps + 1 places and losses; a run that has diverged stays where it left."""
    runs, steps = rates.shape
    places = np.tile(np.array(START), (runs, 1))
    slots = (np.zeros_like(places),) * rule.slots
    path = [places]
    with np.errstate(over="ignore", invalid="ignore"):
        for k in range(steps):
            gradient = valley_slope(places) + noise[:, k]
            change, slots = rule.change(gradient, slots, rates[:, k, None], k)
            moved = places + change
            places = np.where(np.abs(moved).max(axis=1, keepdims=True) < 1e3, moved, np.nan)
            path.append(places)
    paths = np.stack(path, axis=1)
    return paths, valley(paths[..., 0], paths[..., 1])


def _on_digits(name: str, rule: Rule, updates: int) -> list[Raced]:
    """Choose the rate with some seeds, and race with others."""
    grid = _grid(_DIGITS_RATES[name], 2)
    every = max(1, updates // 20)
    by_schedule = shapes(updates)
    rates = np.concatenate(
        [np.repeat(grid, len(_CHOOSE))[:, None] * shape for shape in by_schedule.values()]
    )
    tried = network.train(rule, rates, [*_CHOOSE] * (len(rates) // len(_CHOOSE)), every=updates)
    ends = tried.validation[:, -1].reshape(len(by_schedule), len(grid), len(_CHOOSE))
    best = [_best(part) for part in ends]
    rates = np.concatenate(
        [
            np.tile(grid[b] * shape, (len(_REPORT), 1))
            for b, shape in zip(best, by_schedule.values(), strict=True)
        ]
    )
    trained = network.train(rule, rates, [*_REPORT] * len(by_schedule), every=every)
    at = trained.evaluated.astype(np.float64)
    found = []
    for i, (schedule, b) in enumerate(zip(by_schedule, best, strict=True)):
        rows = slice(i * len(_REPORT), (i + 1) * len(_REPORT))
        losses, accuracy = trained.validation[rows], trained.accuracy[rows, -1]
        edge, rate = b in (0, len(grid) - 1), float(grid[b])
        found.append(Raced(name, schedule, rate, edge, np.empty((0, 2)), losses, at, accuracy))
    return found

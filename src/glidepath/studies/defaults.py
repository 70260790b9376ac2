"""The classic policies, and how each is set from a range test: one table, with its sources.

What the rates rest on:

- The median over sweeps of minimum/10 is the best of the usual readings for a schedule that decays
  (measured on eight real tasks with momentum SGD and AdamW: mean regret 2.6 % for cosine), and is
  about 1.6 octaves too high for a rate that stays where it is: a range test knows nothing of the
  schedule. So decaying policies start at the suggestion and a constant is a third of it
  (2^1.6 ≈ 3).
- A schedule that stays high for most of the run and then cools down wants about half of cosine's
  rate (Hägele et al. 2024, arXiv:2405.18392, section 3).
- Smith's cyclical policies go between the low and the high rate of the test (Smith 2015,
  arXiv:1506.01186), with half cycles of an eighth of the run; 1cycle has the high rate as its peak
  (Smith and Topin 2018, arXiv:1708.07120).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from glidepath.control import reduce_on_plateau
from glidepath.errors import ArgumentError
from glidepath.finding.result import RangeTest
from glidepath.schedules import (
    Policy,
    Schedule,
    as_policy,
    constant,
    cosine_decay,
    exponential_decay,
    inverse_time_decay,
    linear,
    one_cycle,
    piecewise_constant,
    polynomial_decay,
    power_decay,
    step_decay,
    triangular,
    wsd,
)

CONSTANT_SHARE = 1 / 3
"""A constant rate as a share of the suggested one: 2^−1.6."""
STABLE_SHARE = 1 / 2
"""The same for a schedule that is stable for most of the run."""


@dataclass(frozen=True)
class Rates:
    """What the table is filled in with."""

    suggested: float
    low: float
    high: float
    epochs: int
    total_steps: int


@dataclass(frozen=True)
class Default:
    """A policy of the table: how it is made, and a sentence each on its shape and its rates."""

    make: Callable[[Rates], Policy | Schedule]
    shape: str
    rates: str
    """How the range test sets its rates."""


_START = (
    "Starts at the suggested rate of the range test (the median of minimum/10 over the sweeps)."
)
_BETWEEN = "Goes between the range test's low and high rate, as its author sets it."


def _rounded(rate: float) -> float:
    """Three digits: a range test is never better than that, and people will paste them."""
    return float(f"{rate:.3g}")


def _cosine(r: Rates) -> Schedule:
    return linear(0.0, r.suggested, "5%") >> cosine_decay(r.suggested, "95%")


def _piecewise(r: Rates) -> Schedule:
    return piecewise_constant([r.suggested, r.suggested / 10, r.suggested / 100], ["50%", "75%"])


def _plateau(r: Rates) -> Policy:
    patience = max(1, round(r.epochs / 10))
    return Policy(
        constant(r.suggested), controllers=[reduce_on_plateau(factor=0.3, patience=patience)]
    )


def _exp_range(r: Rates) -> Schedule:
    gamma = 0.1 ** (1 / r.total_steps)
    return triangular(r.low, r.high, "12.5%", mode="exp_range", gamma=gamma)


DEFAULTS: dict[str, Default] = {
    "fixed": Default(
        lambda r: constant(_rounded(r.suggested * CONSTANT_SHARE)),
        "The same rate throughout.",
        "It is a third of what the range test suggests, which suits schedules that decay and is "
        "about three times too high for a rate that does not.",
    ),
    "time-based": Default(
        lambda r: inverse_time_decay(r.suggested, 9.0, "100%"),
        "Falls as 1/(1 + 9k/total), to a tenth of where it starts.",
        _START,
    ),
    "step": Default(
        lambda r: step_decay(r.suggested, 0.5, "20%"),
        "Halves after every fifth of the run.",
        _START,
    ),
    "exponential": Default(
        lambda r: exponential_decay(r.suggested, 0.01, "100%"),
        "Falls exponentially, to a hundredth of where it starts.",
        _START,
    ),
    "polynomial": Default(
        lambda r: polynomial_decay(r.suggested, 0.0, "100%"),
        "Falls in a straight line (power 1) to zero.",
        _START,
    ),
    "cosine": Default(
        _cosine,
        "Warms up over 5 % of the run, then falls as a cosine to zero.",
        "Its peak is the suggested rate of the range test (the median of minimum/10 over the "
        "sweeps).",
    ),
    "piecewise": Default(
        _piecewise,
        "A tenth of where it starts from half of the run on, a hundredth from three quarters.",
        _START,
    ),
    "power": Default(
        lambda r: power_decay(r.suggested, "5%", 0.5),
        "Falls as the inverse square root, to a bit over a fifth of where it starts.",
        _START,
    ),
    "plateau": Default(
        _plateau,
        "Times 0.3 whenever the validation loss has not improved for a tenth of the epochs.",
        _START,
    ),
    "triangular": Default(
        lambda r: triangular(r.low, r.high, "12.5%"),
        "Goes up and down four times in the run.",
        _BETWEEN,
    ),
    "triangular2": Default(
        lambda r: triangular(r.low, r.high, "12.5%", mode="triangular2"),
        "Goes up and down four times in the run, each time half as high as before.",
        _BETWEEN,
    ),
    "exp_range": Default(
        _exp_range,
        "Goes up and down four times in the run, while the height falls exponentially to a tenth.",
        _BETWEEN,
    ),
    "1cycle": Default(
        lambda r: one_cycle(r.high),
        "Up, down again, and far below; momentum moves against the rate.",
        "Its peak is the range test's high rate, as its authors set it.",
    ),
    "wsd": Default(
        lambda r: wsd(_rounded(r.suggested * STABLE_SHARE), "5%", "20%", shape="sqrt"),
        "Warms up over 5 % of the run and stays; the last fifth cools down to zero as 1 − √u.",
        "It stays at half of the rate that the range test suggests, because it is stable for most "
        "of the run.",
    ),
}
"""The classic policies by name, in the order of the report."""


@dataclass(frozen=True)
class SetPolicy:
    """A policy that is ready to fly, and how it was set."""

    policy: Policy
    note: str


def check_names(names: Iterable[str]) -> tuple[str, ...]:
    """The names, all of which must be in the table, each once."""
    wanted = tuple(names)
    unknown = [name for name in wanted if name not in DEFAULTS]
    if unknown:
        raise ArgumentError(
            f"there is no default policy {', '.join(map(repr, unknown))}; "
            f"the default policies are {', '.join(DEFAULTS)}"
        )
    return wanted


def set_default(name: str, test: RangeTest, epochs: int, steps_per_epoch: int) -> SetPolicy:
    """The policy of that name, set from a range test for a run of so many epochs."""
    check_names([name])
    suggested, low, high = map(_rounded, (test.suggested, test.low, test.high))
    rates = Rates(suggested, low, high, epochs, epochs * steps_per_epoch)
    entry = DEFAULTS[name]
    return SetPolicy(as_policy(entry.make(rates)), f"{entry.shape} {entry.rates}")


def fit_to(chosen: SetPolicy, hyperparameters: Iterable[str]) -> SetPolicy:
    """The policy without the momentum that the task's optimizer cannot fly; the note says so."""
    if chosen.policy.momentum is None or "momentum" in hyperparameters:
        return chosen
    policy = chosen.policy
    kept = Policy(policy.learning_rate, None, policy.weight_decay, policy.controllers)
    return SetPolicy(kept, f"{chosen.note} Momentum is left alone: this optimizer has none.")

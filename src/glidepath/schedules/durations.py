"""Durations: how long something lasts, in updates, epochs or shares of the run.

A duration is an integer (optimizer updates), `"5ep"` (epochs), `"10%"` (of the whole run) or
`"rest"` (what is left of the enclosing phase). It stays in the user's units until the run's
length is known; then the `Clock` turns it into updates, once.

Boundaries, not lengths, are rounded. A phase that starts at the exact position p and lasts d
covers the updates from round(p) to round(p + d), so that phases which add up to the whole run
fill it exactly: 5 % and 95 % of 1,010 updates are 50 and 960, not 51 and 960. Rounding is to the
nearest integer, halves to the even one, as Python's `round`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction
from numbers import Integral

from glidepath.errors import ArgumentError, PlanError

Duration = int | str
"""Updates as an integer, or `"5ep"`, `"10%"`, `"rest"`."""

REST = "rest"
LARGEST = 2**53
"""Durations stay below this, so that every step is exact in float64."""

_PATTERN = re.compile(r"(\d{1,16}(?:\.\d{1,12})?)\s*(ep|%)", re.ASCII)
_REMEDY = 'give an integer number of updates, epochs as "5ep", or a share of the run as "10%"'
_LENGTH_REMEDY = 'give an integer number of updates, or epochs as "90ep"'


class EmptyPhaseError(PlanError):
    """A phase that has no update in the run, or would begin where the run is over."""


def duration(
    where: str, name: str, value: object, *, rest: bool = True, remedy: str = _REMEDY
) -> Duration:
    """`value` as a duration in its canonical form; ArgumentError where it cannot be one.

    `rest=False` where "what is left" has no meaning, as for a period.
    """
    if type(value) is not bool and isinstance(value, Integral):
        updates = int(value)
        if not 0 < updates < LARGEST:
            raise ArgumentError(
                f"{where}: {name} must be at least 1 update and below 2**53, got {value!r}; "
                f"{remedy}"
            )
        return updates
    if isinstance(value, str):
        text = value.strip()
        if text == REST and rest:
            return REST
        match = _PATTERN.fullmatch(text)
        if match:
            if Fraction(match[1]) == 0:
                raise ArgumentError(f"{where}: {name} must not be empty, got {value!r}; {remedy}")
            return _shortest(match[1]) + match[2]
    raise ArgumentError(f"{where}: {name} must be a duration, got {value!r}; {remedy}")


def _shortest(number: str) -> str:
    """A decimal number without needless zeros, so that "05.0%" is "5%" in spec and fingerprint."""
    whole, _, part = number.partition(".")
    part = part.rstrip("0")
    return (whole.lstrip("0") or "0") + ("." + part if part else "")


@dataclass(frozen=True)
class Span:
    """A resolved phase: its number of updates, and its exact length before rounding."""

    steps: int
    exact: Fraction


@dataclass(frozen=True)
class Clock:
    """What turns durations into updates: the run's length, and where in it a phase begins."""

    total: int | None
    """Updates of the whole run; None where it has no end."""
    steps_per_epoch: int | None
    start: Fraction = Fraction(0)
    """The exact position in the run at which the present phase begins."""
    limit: int | None = None
    """The update at which the enclosing phase stops; None where it has no end."""
    strict: bool = True
    """Whether a phase may not reach past the run (True), or is cut by its end (False)."""
    holds_ported: bool = False
    """Whether that is asked of ported schedules too, which are cut otherwise."""

    @property
    def begin(self) -> int:
        """The first update of the present phase."""
        return round(self.start)

    def after(self, span: Span) -> Clock:
        """The clock of the phase that follows `span`."""
        return replace(self, start=self.start + span.exact)

    def exact(self, label: str, value: Duration) -> Fraction:
        """`value` in updates, before rounding."""
        if isinstance(value, int):
            return Fraction(value)
        if value == REST:
            if self.limit is None:
                raise PlanError(
                    f"{label} = 'rest' is what is left of the run, and the run has no end; "
                    "give total to plan(), or a duration in its place"
                )
            return Fraction(self.limit) - self.start
        if value.endswith("ep"):
            if self.steps_per_epoch is None:
                raise PlanError(
                    f"{label} = {value!r} is in epochs, and steps_per_epoch is not known; "
                    "give steps_per_epoch to plan(), or an integer number of updates"
                )
            return Fraction(value[:-2]) * self.steps_per_epoch
        if self.total is None:
            raise PlanError(
                f"{label} = {value!r} is a share of the run, and the run has no end; "
                "give total to plan(), or an integer number of updates"
            )
        return Fraction(value[:-1]) * self.total / 100

    def count(self, label: str, value: Duration) -> int:
        """A period or scale in whole updates: rounded by itself, at least one."""
        updates = round(self.exact(label, value))
        if updates < 1:
            raise PlanError(f"{label} = {value!r} is less than one update here; lengthen it")
        return updates

    def span(self, label: str, value: Duration) -> Span:
        """A phase that begins at `start`: its boundaries rounded, inside the run, not empty."""
        exact = self.exact(label, value)
        end = round(self.start + exact)
        steps = end - self.begin
        if steps < 1:
            raise EmptyPhaseError(
                f"{label} = {value!r} leaves an empty phase at update {self.begin} of "
                f"{_run(self.total)}; lengthen it, or shorten what comes before"
            )
        if self.strict and self.limit is not None and end > self.limit:
            raise PlanError(
                f"{label} = {value!r} is longer than the run: it ends at update {end} of "
                f"{self.limit}; shorten it (or use 'rest'), or lengthen total"
            )
        return Span(steps, exact)


def _run(total: int | None) -> str:
    return "a run without end" if total is None else str(total)


def resolve_total(total: object, steps_per_epoch: object) -> tuple[int | None, int | None]:
    """The run's length and its updates per epoch as integers; None where they are not given."""
    if steps_per_epoch is not None and (
        isinstance(steps_per_epoch, bool)
        or not isinstance(steps_per_epoch, Integral)
        or not 0 < int(steps_per_epoch) < LARGEST
    ):
        raise PlanError(
            f"plan: steps_per_epoch must be an integer of at least 1, got {steps_per_epoch!r}; "
            "give the number of optimizer updates in an epoch (the partial last batch counts)"
        )
    per_epoch = None if steps_per_epoch is None else int(steps_per_epoch)
    if total is None:
        return None, per_epoch
    length = duration("plan", "total", total, rest=False, remedy=_LENGTH_REMEDY)
    if isinstance(length, str) and length.endswith("%"):
        raise PlanError(f"plan: total must be updates or epochs, got {total!r}; {_LENGTH_REMEDY}")
    updates = Clock(None, per_epoch).count("plan: total", length)
    if updates >= LARGEST:
        raise PlanError(f"plan: total must be below 2**53 updates, got {total!r}; shorten it")
    return updates, per_epoch

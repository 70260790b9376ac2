"""Plan: a policy resolved for one run, ready to be looked up, drawn and flown."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glidepath.errors import ArgumentError, PlanError
from glidepath.schedules.curves import Curve
from glidepath.schedules.durations import Duration
from glidepath.schedules.shapes import Values

if TYPE_CHECKING:
    from glidepath.schedules.policy import Controller, Policy

_CACHED = 2**24
"""Runs of up to this many updates keep their whole table (128 MiB at the most)."""
_BLOCK = 2**12
"""How many updates a run without end keeps at a time."""
_LARGEST_TABLE = 2**27
"""A table of this many updates takes 1 GiB."""


class Track:
    """One hyperparameter over one run: `track(k)`, `track.table()`.

    For k ≥ total the value is the formula's at k = total, and holds.
    """

    def __init__(self, name: str, curve: Curve, total_steps: int | None) -> None:
        self.name = name
        self.curve = curve
        self.total_steps = total_steps
        self._first = 0
        self._kept = 0
        self._values: NDArray[Any] = np.empty(0)

    @overload
    def __call__(self, k: int) -> np.float64: ...
    @overload
    def __call__(self, k: ArrayLike) -> Values: ...
    def __call__(self, k: int | ArrayLike) -> np.float64 | Values:
        """The value at the update k: float64 for an int, an array of float64 for an array."""
        if type(k) is int and 0 <= (at := k - self._first) < self._kept:
            value: np.float64 = self._values[at]
            return value
        return self._look_up(k)

    def table(self) -> Values:
        """The values of the whole run, `total_steps` of them, in float64 and read-only."""
        if self.total_steps is None:
            raise PlanError(
                "a plan without an end has no table; give total to plan(), or ask plan(k) for "
                "the updates you need"
            )
        if self.total_steps > _LARGEST_TABLE:
            raise PlanError(
                f"a table of {self.total_steps} updates is too large; ask plan(k) for the updates "
                "you need"
            )
        if self.total_steps > _CACHED:
            return _read_only(self.block(0, self.total_steps))
        return self._whole[:-1]

    def block(self, start: int, stop: int) -> Values:
        """The values at the updates start, …, stop − 1, computed anew."""
        end = stop if self.total_steps is None else min(stop, self.total_steps)
        if start < end == stop:
            return self._evaluate(start, stop)
        assert self.total_steps is not None
        values = np.full(stop - start, self._evaluate(self.total_steps, self.total_steps + 1)[0])
        if start < end:
            values[: end - start] = self._evaluate(start, end)
        return values

    def marks(self) -> list[int]:
        """The updates at which a new piece of the schedule begins, 0 first."""
        if self.total_steps is None:
            raise PlanError("a plan without an end has no list of marks; give total to plan()")
        return sorted(self.curve.marks(self.total_steps) | {0})

    @cached_property
    def _whole(self) -> Values:
        """The table and, last, the value that holds after it."""
        assert self.total_steps is not None
        whole = _read_only(self._evaluate(0, self.total_steps + 1))
        self._first, self._kept, self._values = 0, whole.size, whole
        return whole

    def _evaluate(self, start: int, stop: int) -> Values:
        try:
            with np.errstate(over="raise", divide="raise", invalid="raise"):
                return self.curve.block(start, stop)
        except (FloatingPointError, OverflowError) as error:
            raise PlanError(
                f"the {self.name} is too large for float64 somewhere in the updates {start} to "
                f"{stop - 1} ({error}); use smaller rates or factors, or clip it"
            ) from error

    def _look_up(self, k: int | ArrayLike) -> np.float64 | Values:
        steps = np.asarray(k)
        if steps.dtype.kind not in "iu":
            raise ArgumentError(
                f"plan(k): k must be an integer or an array of integers, got {k!r}; "
                "give updates, counted from 0"
            )
        if steps.size == 0:
            return np.empty(steps.shape)
        if steps.min() < 0:
            raise ArgumentError(f"plan(k): k must not be negative, got {k!r}; updates count from 0")
        if self.total_steps is not None:
            steps = np.minimum(steps, self.total_steps)
        if self.total_steps is not None and self.total_steps <= _CACHED:
            found: np.float64 | Values = self._whole[steps]
        elif steps.ndim == 0:
            return self._from_block(int(steps))
        else:
            found = self._gather(steps.astype(np.int64))
        return found

    def _from_block(self, k: int) -> np.float64:
        first = k - k % _BLOCK
        values = self.block(first, first + _BLOCK)
        self._first, self._kept, self._values = first, _BLOCK, values
        return np.float64(values[k - first])

    def _gather(self, steps: NDArray[np.int64]) -> Values:
        """Values at scattered updates of a long run, block by block."""
        blocks, place = np.unique(steps // _BLOCK, return_inverse=True)
        values = np.empty(steps.shape)
        flat, where, at = values.reshape(-1), place.reshape(-1), steps.reshape(-1) % _BLOCK
        for index, block in enumerate(blocks.tolist()):
            chosen = where == index
            flat[chosen] = self.block(block * _BLOCK, (block + 1) * _BLOCK)[at[chosen]]
        return values


class Plan:
    """A policy resolved for one run: every duration an integer number of updates.

    `plan(k)` is the learning rate of the update k (an int or an array, counted from 0) in float64,
    and `plan.table()` that of the whole run. The other hyperparameters are `plan.momentum` and
    `plan.weight_decay`, each with the same call and `table()`, or None where the policy leaves
    them alone. The float64 table is the truth that every framework is held to.
    """

    def __init__(
        self,
        policy: Policy,
        curves: Mapping[str, Curve],
        total_steps: int | None,
        steps_per_epoch: int | None,
    ) -> None:
        self.policy = policy
        self.total_steps = total_steps
        """Updates in the run; None where it has no end."""
        self.steps_per_epoch = steps_per_epoch
        """Updates in an epoch, where it is known."""
        self.tracks = {name: Track(name, curve, total_steps) for name, curve in curves.items()}
        """The hyperparameters that are flown, the learning rate first."""
        self.learning_rate = self.tracks["learning_rate"]
        momentum = self.tracks.get("momentum")
        if momentum is not None:
            _check_momentum(momentum)

    @overload
    def __call__(self, k: int) -> np.float64: ...
    @overload
    def __call__(self, k: ArrayLike) -> Values: ...
    def __call__(self, k: int | ArrayLike) -> np.float64 | Values:
        """The learning rate at the update k: float64 for an int, an array for an array."""
        rate = self.learning_rate
        if type(k) is int and 0 <= (at := k - rate._first) < rate._kept:
            value: np.float64 = rate._values[at]
            return value
        return rate._look_up(k)

    def table(self, name: str = "learning_rate") -> Values:
        """The whole run's values of one hyperparameter: `total_steps` of them, in float64."""
        if name not in self.tracks:
            raise ArgumentError(
                f"table: this plan flies {list(self.tracks)}, got {name!r}; choose one of them"
            )
        return self.tracks[name].table()

    @property
    def momentum(self) -> Track | None:
        """The momentum (beta_1 in Adam's family), or None where the policy leaves it alone."""
        return self.tracks.get("momentum")

    @property
    def weight_decay(self) -> Track | None:
        """The weight decay, or None where the policy leaves it alone."""
        return self.tracks.get("weight_decay")

    @property
    def controllers(self) -> tuple[Controller, ...]:
        """The controllers whose factors multiply the learning rate."""
        return self.policy.controllers

    def extend(self, total: Duration, at: int = 0) -> Plan:
        """This plan over more updates: as it was up to `at`, then slower, without a jump.

        With T the old length, the new plan's value at an update k > at is this plan's at the
        point at + (k − at)·(T − at)/(total − at): what was left when the run stood at `at` is
        stretched over what is left now, so that every hyperparameter goes on from where it is
        and comes to the same end. Between two updates of this plan values are interpolated;
        jumps of the schedule stay jumps.

        Args:
            total: the new length, more than the old: updates, or epochs as "150ep".
            at: how many updates have been flown. A run that has begun must say so; 0 stretches
                the whole plan. At the old length nothing is left, and the last value holds.

        Returns:
            A new plan with a policy and a spec of its own; controllers stay as they are.

        Raises:
            PlanError: a plan without end, a total that is not longer, `at` after the end.
        """
        from glidepath.schedules.inflight import extend

        return extend(self, total, at)

    def cooldown_from(
        self, step: int, over: Duration, end: float = 0.0, shape: str = "linear"
    ) -> Plan:
        """This plan up to `step`, then from the rate there down to `end` in `over` updates.

        The run ends at `step` + `over`; decay at any time of a run is how one long run serves
        many lengths (Hägele et al. 2024, arXiv:2405.18392, whose best shape is "sqrt"). There is
        no jump: the update `step` still has this plan's rate. Momentum and weight decay stay at
        their values there, and controllers keep multiplying.

        Args:
            step: the update at which the cool-down begins; it may be past the end, whose value
                holds.
            over: how long it takes; a percentage is a share of this plan's length.
            end: the rate that it comes to; not above the rate at `step`.
            shape: "linear", "sqrt", "cosine", or "exponential" (which needs an end above 0).

        Returns:
            A new plan with a policy and a spec of its own.
        """
        from glidepath.schedules.inflight import cooldown_from

        return cooldown_from(self, step, over, end, shape)

    def to_spec(self) -> dict[str, object]:
        """The policy's spec with the run's length: JSON data that `plan_from_spec` reads back."""
        from glidepath.schedules.spec import plan_to_spec

        return plan_to_spec(self)

    @cached_property
    def fingerprint(self) -> str:
        """A short hash of the policy's spec and the run's length (never of the values)."""
        from glidepath.schedules.spec import fingerprint

        return fingerprint(self.to_spec())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its policy and its length, from which the values are computed anew."""
        return _planned, (self.policy, self.total_steps, self.steps_per_epoch)

    def __deepcopy__(self, memo: object) -> Plan:
        """Itself: nothing of a plan ever changes."""
        return self

    def __repr__(self) -> str:
        return (
            f"<Plan of {list(self.tracks)} over {self.total_steps} updates, "
            f"{self.steps_per_epoch} per epoch>"
        )


def _planned(policy: Policy, total: int | None, steps_per_epoch: int | None) -> Plan:
    return policy.plan(total, steps_per_epoch, strict=False)


def _check_momentum(track: Track) -> None:
    ends = track.marks() if track.total_steps is not None else [0]
    values = track(np.asarray(ends))
    if values.max() >= 1:
        raise PlanError(
            f"momentum must stay below 1, got {values.max():.6g} at update "
            f"{ends[int(values.argmax())]}; lower it"
        )


def _read_only(values: Values) -> Values:
    values.flags.writeable = False
    return values

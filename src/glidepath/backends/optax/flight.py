"""Flight: a policy with its controllers, resume, and plans that change in flight, in JAX."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, overload

import jax
import jax.numpy as jnp
import numpy as np

from glidepath.backends.optax.best import Best, placed_as
from glidepath.backends.optax.inflight import InFlight
from glidepath.backends.optax.processes import averaged
from glidepath.backends.optax.schedule import NAMES, TABLE, inject_each, planned
from glidepath.backends.optax.traced import LAST
from glidepath.errors import ArgumentError, ResumeError
from glidepath.schedules import Duration, Flyable, checks
from glidepath.training.flown import FlownPlan
from glidepath.training.resume import ON_CHANGE

_ROOM = 2
"""A run may become so many times longer before its step is compiled anew."""


class FlownState(NamedTuple):
    """What a flown hyperparameter keeps in the optimizer's state."""

    count: Any
    """The update that comes next."""
    values: Any
    """Its values in float32 at the updates 0, 1, ...; the last one holds."""


class Flight(InFlight):
    """Flies a policy in a JAX training loop, controllers included, and resumes.

    ```python
    flight = Flight(policy, total="10ep", steps_per_epoch=100)
    optimizer = flight.inject(optax.sgd, nesterov=True)
    state = optimizer.init(parameters)
    ...  # the loop, jitted as always
    state = flight.epoch_end(state, {"val_loss": 0.3})  # where the policy has controllers
    ```

    The count and the float32 values are part of the optimizer's state, so a compiled step sees
    them change without another compilation, and `optax.MultiSteps`, `apply_if_finite` and `chain`
    count applied updates. Each method that changes values takes the whole optimizer state, finds
    its place in it, and returns a new one.

    A checkpoint holds that state, saved as you save arrays, and `state_dict()` beside it:

    ```python
    flight.load_state_dict(json.loads(text))  # first: it says how long the values are
    state = flight.into(restore(path, optimizer.init(parameters)))
    ```

    With a controller that has `restore_best=True` save the arrays of `flight.best` too.

    Args:
        policy: a policy, a schedule, a number for a constant rate, or a plan of one.
        total: the run's length; not with a plan, which has its own.
        steps_per_epoch: updates in an epoch.
        on_change: what `load_state_dict` does with a checkpoint of another plan.

    Raises:
        ArgumentError: a plan without an end, or of more than 2**24 updates.
        PlanError: the policy does not fit the run.
    """

    def __init__(
        self,
        policy: Flyable,
        total: Duration | None = None,
        steps_per_epoch: int | None = None,
        on_change: str = "strict",
    ) -> None:
        plan = planned(policy, total, steps_per_epoch)
        if plan.total_steps is None or plan.total_steps > TABLE:
            raise ArgumentError(
                f"Flight: needs a run of at most {TABLE} updates, got {plan.total_steps}; give "
                "total, or fly the plan with glidepath.optax.inject"
            )
        self._on_change = checks.choice("Flight", "on_change", on_change, ON_CHANGE)
        self._flown = FlownPlan(plan)
        self._best = Best()
        self._size = _ROOM * plan.total_steps + 1
        """So many values stand in the optimizer's state."""

    def inject(self, optimizer: Callable[..., Any], **arguments: Any) -> Any:
        """An optimizer that flies the plan; see `glidepath.optax.inject`, which it is like."""
        flown = {name: _Values(self, name) for name in self.plan.tracks}
        return inject_each(optimizer, flown, arguments, self.plan.policy)

    @overload
    def epoch_end(self, state: Any, metrics: Mapping[str, Any]) -> Any: ...
    @overload
    def epoch_end(
        self, state: Any, metrics: Mapping[str, Any], parameters: Any
    ) -> tuple[Any, Any]: ...
    def epoch_end(
        self, state: Any, metrics: Mapping[str, Any], parameters: Any = None
    ) -> Any | tuple[Any, Any]:
        """Tell the policy's controllers an epoch's metrics, e.g. `{"val_loss": 0.3}`.

        A controller with `restore_best=True` needs the parameters, or whatever tree of arrays is
        to go back (`(parameters, batch_stats)`): after the best epoch they and the optimizer's
        slots are copied, and where the rate is reduced the copy is given back. The count and the
        data go on.

        Where JAX runs several processes, all of them have to call it. Each metric is averaged over
        the processes that give it (one may evaluate for all, the others give `{}`).

        Args:
            state: the optimizer's state at the end of the epoch.
            metrics: by the names that the controllers monitor.
            parameters: what goes back with the optimizer's slots.

        Returns:
            The state with the values of the updates to come; where there are parameters,
            `(state, parameters)` to go on with.

        Raises:
            ArgumentError: a controller monitors what is not among the metrics, or rolls back and
                there are no parameters.
            ResumeError: a controller rolls back, and the best epoch was not resumed.
        """
        if self._flown.rolls_back and parameters is None:
            raise ArgumentError(
                "Flight: a controller with restore_best=True needs the parameters; call "
                "state, parameters = flight.epoch_end(state, metrics, parameters)"
            )
        monitored = {each.monitor for each in self._flown.controllers}
        metrics, before = averaged(metrics, monitored), _factors(self._flown)
        action = self._flown.epoch_end(metrics, self.step(state))
        if action is not None:
            parameters, state = self._best.follow(action, parameters, state)
        if _factors(self._flown) != before:
            state = self.into(state)
        state = self.tick(state)
        return state if parameters is None else (state, parameters)

    @property
    def best(self) -> list[Any]:
        """The arrays of the best epoch, of parameters and optimizer slots; empty before the first.

        A checkpoint needs them where a controller has `restore_best=True`: save them with the
        other arrays, and set them when the run is resumed.
        """
        return self._best.arrays

    @best.setter
    def best(self, arrays: Sequence[Any]) -> None:
        self._best.arrays = list(arrays)

    def step(self, state: Any) -> int:
        """The update that comes next, read from the optimizer's state."""
        found = [leaf for leaf in jax.tree.leaves(state, is_leaf=_is_flown) if _is_flown(leaf)]
        if not found:
            raise ArgumentError(
                "Flight: this optimizer state has nothing of a flight in it; give the state of an "
                "optimizer that flight.inject made"
            )
        return int(np.max(jax.device_get([leaf.count for leaf in found])))

    def into(self, state: Any) -> Any:
        """The optimizer's state with the values of this flight; the count stays as it is."""
        self._measure_from(self.step(state))
        self._size = max(self._size, self._needed)
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: self._placed(path, leaf) if _is_flown(leaf) else leaf,
            state,
            is_leaf=_is_flown,
        )

    def state_dict(self) -> dict[str, Any]:
        """The plan's spec and fingerprint and the controllers' states, as plain JSON data.

        The counter is in the optimizer's state, which the checkpoint holds beside this; the best
        epoch's arrays are in `best`.
        """
        return {**self._flown.state_dict(), "size": self._size, **self._wall_state()}

    def load_state_dict(self, state_dict: Mapping[str, Any], on_change: str | None = None) -> None:
        """Take what a checkpoint holds; then make the optimizer's state, restore it, and `into`.

        Args:
            state_dict: what `state_dict` gave.
            on_change: for a checkpoint of another plan: "strict" raises with what differs, "keep"
                flies the saved plan, "override" the new one from the saved update on. None: as
                the flight was made.

        Raises:
            ResumeError: another plan under "strict", or not the state of a flight.
        """
        size = state_dict.get("size")
        if "fingerprint" not in state_dict or isinstance(size, bool) or not isinstance(size, int):
            raise ResumeError(
                f"this is not what flight.state_dict() gave; it holds {sorted(state_dict)}"
            )
        how = self._on_change if on_change is None else on_change
        self._flown = self._flown.loaded(state_dict, how)
        self._size = size
        self._load_wall(state_dict)

    @property
    def _needed(self) -> int:
        assert self.plan.total_steps is not None
        return self.plan.total_steps + 1

    def _placed(self, path: Any, leaf: FlownState) -> FlownState:
        """A hyperparameter's place with the values of now."""
        name = next(name for name, known in NAMES.items() if path[-1].key in known)
        values = self.values(name)
        spread = getattr(leaf.values, "sharding", None)
        if spread is not None and spread.is_fully_replicated:
            values = placed_as(values, leaf.values)  # on all devices: nothing is compiled again
        return leaf._replace(values=values)

    def values(self, name: str) -> Any:
        """What the optimizer's state holds of a hyperparameter: its table, and room for more."""
        found = np.asarray(self._flown.values(name, 0, self._needed), np.float32)[: self._size]
        return jnp.asarray(np.pad(found, (0, self._size - len(found)), mode="edge"))


class _Values:
    """A hyperparameter as a stateful schedule of Optax: it is looked up in its own state."""

    def __init__(self, flight: Flight, name: str) -> None:
        self._flight = flight
        self._name = name

    def init(self) -> FlownState:
        """At update 0."""
        return FlownState(jnp.zeros((), jnp.int32), self._flight.values(self._name))

    def update(self, state: FlownState, **extra: Any) -> FlownState:
        """At the next update."""
        return state._replace(count=jnp.minimum(state.count, LAST - 1) + 1)

    def __call__(self, state: FlownState, **extra: Any) -> Any:
        """The value of the update at hand."""
        return state.values[jnp.minimum(state.count, state.values.shape[0] - 1)]


def _factors(flown: FlownPlan) -> list[Any]:
    """The part of the controllers' states that changes values, where it is known."""
    return [getattr(state, "factor", state) for state in flown.states]


def _is_flown(leaf: Any) -> bool:
    return isinstance(leaf, FlownState)

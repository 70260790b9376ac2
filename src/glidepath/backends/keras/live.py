"""Hyperparameters that change during training, inside the optimizer that the user compiled.

Keras compiles the momentum and the weight decay into the training step as constants. `attach` gives
an optimizer a subclass of its own class that takes learning rate, momentum and weight decay from a
source before each update, so that one compiled step serves all their values, and that notes what
the update used.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from keras import ops

from glidepath.backends.keras import ENGINE
from glidepath.errors import ArgumentError


class Source(Protocol):
    """Where an attached optimizer gets its hyperparameters from, and leaves what it applied."""

    notes: bool
    """Whether `applied` is wanted."""

    def values(self, optimizer: Any) -> dict[str, Any]:
        """The hyperparameters of the update at hand, by name; none: the optimizer's own."""
        ...

    def applied(self, optimizer: Any, values: dict[str, Any]) -> None:
        """Takes what the optimizer read of itself while it applied the update."""
        ...


class LiveValue:
    """A number known only when the step runs, where Keras expects a Python float.

    Optimizers ask at compile time whether momentum is used at all (`momentum != 0`): it is.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __jax_array__(self) -> Any:
        return self.value

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Any:
        return self.value if dtype is None else ops.cast(self.value, dtype.name)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __hash__(self) -> int:
        return id(self)

    def __gt__(self, other: Any) -> bool:
        return True

    def __ge__(self, other: Any) -> bool:
        return True

    def __lt__(self, other: Any) -> bool:
        return False

    def __le__(self, other: Any) -> bool:
        return False

    def __neg__(self) -> Any:
        return ops.negative(self.value)

    def __add__(self, other: Any) -> Any:
        return ops.add(self.value, other)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Any:
        return ops.subtract(self.value, other)

    def __rsub__(self, other: Any) -> Any:
        return ops.subtract(other, self.value)

    def __mul__(self, other: Any) -> Any:
        return ops.multiply(self.value, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Any:
        return ops.divide(self.value, other)

    def __rtruediv__(self, other: Any) -> Any:
        return ops.divide(other, self.value)

    def __pow__(self, other: Any) -> Any:
        return ops.power(self.value, other)


class LiveFloat(float):
    """A float of this step, where the engine runs the optimizer step by step in Python.

    A momentum that is 0 at some step must not make the optimizer skip its velocity then.
    """

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:
        return self is not other

    def __hash__(self) -> int:
        return id(self)

    def __gt__(self, other: float) -> bool:
        return True


class Attached:
    """What is put before the optimizer's own class."""

    def _get_current_learning_rate(self) -> Any:
        flying = self.__dict__.get("_glidepath_flying")
        if flying is not None and "learning_rate" in flying:
            return flying["learning_rate"]
        return super()._get_current_learning_rate()  # type: ignore[misc]

    def _backend_apply_gradients(self, grads: Any, trainable_variables: Any) -> None:
        source: Source = self.__dict__["_glidepath_source"]
        values = source.values(self)
        with _flying(self, values):
            names = hyperparameters(self) if source.notes else ()
            applied = {name: read(self, name) for name in names}
            super()._backend_apply_gradients(grads, trainable_variables)  # type: ignore[misc]
        if source.notes:
            source.applied(self, applied)

    def save_own_variables(self, store: Any) -> None:
        """Only what the optimizer would save without Glidepath."""
        for index, variable in enumerate(_own_variables(self)):
            store[str(index)] = ops.convert_to_numpy(variable)

    def load_own_variables(self, store: Any) -> None:
        """What the optimizer would load without Glidepath."""
        tracked, mine = self._variables, _own_variables(self)  # type: ignore[has-type]
        self._variables = mine
        try:
            super().load_own_variables(store)  # type: ignore[misc]
        finally:
            self._variables = tracked


def attach(optimizer: Any, source: Source) -> None:
    """Let `source` give the optimizer its hyperparameters from the next compiled step on."""
    if isinstance(optimizer, Attached):
        raise ArgumentError(
            f"{type(optimizer).__name__} is flown by Glidepath already; give each model one "
            "Flight, and each trainer an optimizer of its own"
        )
    # Through __dict__: TensorFlow tracks attributes and would wrap what it finds.
    optimizer.__dict__["_glidepath_source"] = source
    optimizer.__dict__.setdefault("_glidepath_variables", [])
    optimizer.__class__ = _subclass(type(optimizer))


def detach(optimizer: Any) -> None:
    """Give the optimizer its own class back."""
    optimizer.__class__ = type(optimizer).__mro__[2]
    del optimizer.__dict__["_glidepath_source"]


def refuse_wrapped(optimizer: Any) -> None:
    """ArgumentError for an optimizer that hides the one that updates."""
    if hasattr(optimizer, "inner_optimizer"):
        raise ArgumentError(
            f"{type(optimizer).__name__} (mixed_float16) wraps the optimizer that updates, and "
            "Glidepath cannot fly what is inside; compile with auto_scale_loss=False, or use "
            "mixed_bfloat16"
        )


def momentum_attribute(optimizer: Any) -> str | None:
    """The attribute that holds the momentum: beta_1 in Adam's family; None where there is none."""
    for name in ("beta_1", "momentum"):
        if hasattr(optimizer, name):
            return name
    return None


def hyperparameters(optimizer: Any) -> tuple[str, ...]:
    """The hyperparameters that the optimizer, as it was compiled, can fly."""
    found = ["learning_rate"]
    attribute = momentum_attribute(optimizer)
    if attribute is not None:
        value = getattr(optimizer, attribute)
        if attribute == "beta_1" or value > 0:
            found.append("momentum")
    if optimizer.weight_decay is not None:
        found.append("weight_decay")
    return tuple(found)


def refuse_unflown(optimizer: Any, names: Any) -> None:
    """ArgumentError where one of `names` cannot be flown with this optimizer."""
    missing = [name for name in names if name not in hyperparameters(optimizer)]
    kind = type(optimizer).__name__
    if "momentum" in missing:
        if momentum_attribute(optimizer) is None:
            raise ArgumentError(
                f"the policy flies the momentum, and {kind} has none; use another optimizer, or "
                "a policy that leaves the momentum alone (gp.one_cycle(..., momentum=None))"
            )
        raise ArgumentError(
            f"the policy flies the momentum, and {kind}(momentum=0.0) keeps no velocity to apply "
            f"it to; compile with {kind}(momentum=0.9), whose value the policy then replaces"
        )
    if "weight_decay" in missing:
        raise ArgumentError(
            f"the policy flies the weight decay, and {kind}(weight_decay=None) applies none; "
            f"compile with {kind}(weight_decay=0.0), whose value the policy then replaces"
        )


def read(optimizer: Any, name: str) -> Any:
    """A hyperparameter as the optimizer itself has it now: a number or an engine's scalar."""
    if name == "learning_rate":
        return optimizer.learning_rate
    attribute = momentum_attribute(optimizer) if name == "momentum" else name
    assert attribute is not None
    value = getattr(optimizer, attribute)
    return value.value if isinstance(value, LiveValue) else value


@contextmanager
def _flying(optimizer: Any, values: dict[str, Any]) -> Iterator[None]:
    """The optimizer with these values in the place of its own."""
    space = optimizer.__dict__
    kept: dict[str, Any] = {}
    for name in ("momentum", "weight_decay"):
        if name in values:
            attribute = momentum_attribute(optimizer) if name == "momentum" else name
            assert attribute is not None
            kept[attribute] = space[attribute]
            live = LiveFloat if ENGINE == "torch" else LiveValue
            space[attribute] = live(values[name])
    space["_glidepath_flying"] = values
    try:
        yield
    finally:
        space.update(kept)
        del space["_glidepath_flying"]


def _own_variables(optimizer: Any) -> list[Any]:
    added = {id(variable) for variable in optimizer.__dict__["_glidepath_variables"]}
    return [variable for variable in optimizer._variables if id(variable) not in added]


def _subclass(kind: type) -> type:
    """Named and placed as the optimizer's own class, so that a model is saved as if without us."""
    space = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (Attached, kind), space)

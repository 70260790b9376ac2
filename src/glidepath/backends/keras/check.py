"""The check of a Keras training: the optimizer tells the host what each update reads of it.

Keras on torch runs the optimizer as Python, and the check raises there. On JAX and TensorFlow the
compiled step calls back; what is raised in that ends the training, and the check raises it anew.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any

import keras
from keras import ops

from glidepath.backends.check import no_groups
from glidepath.backends.keras import ENGINE, live, processes
from glidepath.errors import ArgumentError, CheckError
from glidepath.schedules.plan import Plan
from glidepath.training.checking import Clues, PlanCheck

_REMEDY = (
    "give the optimizer glidepath.keras.schedule(policy, ...), or fit(callbacks=[...]) a "
    "glidepath.keras.Flight(policy)"
)
See = Callable[..., None]


class OptimizerCheck:
    """A context in which every update of a Keras optimizer is compared with a plan.

    Each update is reported to the host, which costs time: use it to find a mistake, not in every
    run. What was compiled inside goes on reporting to nobody.
    """

    def __init__(
        self,
        optimizer: Any,
        plan: Plan,
        *,
        start: int = 0,
        tolerance: float = 1e-6,
        groups: Mapping[int | str, Plan] | None = None,
    ) -> None:
        no_groups("Keras", groups)
        # mixed_float16 wraps the optimizer that updates.
        self._optimizer = getattr(optimizer, "inner_optimizer", optimizer)
        self._check = PlanCheck(plan, start, tolerance, floor=1.0)
        live.refuse_unflown(self._optimizer, plan.tracks)
        if ENGINE not in _TELL:
            raise ArgumentError(
                f"check: knows Keras on {', '.join(_TELL)}, got {ENGINE!r}; use "
                "glidepath.keras.Flight(record=...), which writes down what was applied"
            )
        self.names = tuple(plan.tracks)
        """The hyperparameters that are compared."""
        self._start = start
        self.updates = 0
        """How many updates were seen, and were the plan's."""

    def __enter__(self) -> OptimizerCheck:
        optimizer = self._optimizer
        if optimizer.__dict__.get("_glidepath_check") is not None:
            raise ArgumentError("check: this optimizer is checked already; one block is enough")
        self.updates, self._batches = 0, 0
        self._next: int | None = None
        self._early: dict[int, tuple[float, ...]] = {}
        self._error: CheckError | None = None
        fixed = isinstance(optimizer._learning_rate, keras.Variable)
        own = {name: _number(live.read(optimizer, name)) for name in self.names if fixed}
        self._clues = Clues(processes=processes.several(), own=own, remedy=_REMEDY)
        # Through __dict__: TensorFlow tracks attributes and would wrap what it finds.
        optimizer.__dict__["_glidepath_check"] = self
        if not isinstance(optimizer, Watched):
            optimizer.__class__ = _watched(type(optimizer))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if ENGINE == "jax" and kind is None:
            try:
                importlib.import_module("jax").effects_barrier()
            except Exception:
                if self._error is None:
                    raise
        optimizer = self._optimizer
        optimizer.__dict__["_glidepath_check"] = None
        if type(optimizer).__mro__[1] is Watched:
            optimizer.__class__ = type(optimizer).__mro__[2]
        if self._error is not None and error is not self._error:
            raise self._error from None
        if kind is None and self.updates == 0:
            raise CheckError(
                "no update was seen, so nothing was checked; give check the optimizer that the "
                "loop applies, and let the block hold the loop. A step that was compiled before is "
                "not seen: call model.make_train_function(force=True) in the block, or compile "
                "your own step in it"
            )

    def saw(self, iterations: Any, *values: Any) -> None:
        """What the optimizer read of itself in one batch; compiled steps call it from the host."""
        at = int(_number(iterations))
        if self._error is not None or self._optimizer.__dict__.get("_glidepath_check") is not self:
            return
        try:
            self._order(at, tuple(map(_number, values)))
        except CheckError as error:
            self._error = error
            raise

    def _order(self, at: int, values: tuple[float, ...]) -> None:
        """Batch by batch, however a device reports them."""
        self._next = at if self._next is None else self._next
        if at < self._next:
            if ENGINE == "jax":  # elsewhere: another replica's report of the same
                raise CheckError(
                    f"the optimizer counts the batch {at} twice: its variables are not carried "
                    "from step to step; give stateless_apply those that it returned"
                )
            return
        self._early[at] = values
        while (found := self._early.pop(self._next, None)) is not None:
            self._batch(self._next, found)
            self._next += 1

    def _batch(self, at: int, values: tuple[float, ...]) -> None:
        self._batches += 1
        if (at + 1) % (self._optimizer.gradient_accumulation_steps or 1):
            return
        self._clues.batches.append(self._batches)
        for name, applied in zip(self.names, values, strict=True):
            self._check.compare(self._start + self.updates, name, applied, self._clues)
        self.updates += 1


class Watched:
    """What is put before the optimizer's own class; without a check it does nothing."""

    def _backend_apply_gradients(self, grads: Any, trainable_variables: Any) -> None:
        check: OptimizerCheck | None = self.__dict__.get("_glidepath_check")
        if check is not None:
            values = [live.read(self, name) for name in check.names]
            _TELL[ENGINE](check.saw, self._iterations, values)  # type: ignore[attr-defined]
        super()._backend_apply_gradients(grads, trainable_variables)  # type: ignore[misc]


def _watched(kind: type) -> type:
    """Named and placed as the optimizer's own class, so that a model is saved as if without us."""
    space = {"__module__": kind.__module__, "__qualname__": kind.__qualname__}
    return type(kind.__name__, (Watched, kind), space)


def _tell_torch(see: See, iterations: Any, values: list[Any]) -> None:
    see(iterations, *values)


def _tell_jax(see: See, iterations: Any, values: list[Any]) -> None:
    jax = importlib.import_module("jax")
    jax.debug.callback(see, *_tensors(iterations, values))


def _tell_tensorflow(see: See, iterations: Any, values: list[Any]) -> None:
    tensorflow = importlib.import_module("tensorflow")
    if tensorflow.executing_eagerly():
        see(iterations, *values)
    else:
        tensorflow.py_function(see, _tensors(iterations, values), [])


_TELL: dict[str, Callable[[See, Any, list[Any]], None]] = {
    "torch": _tell_torch,
    "jax": _tell_jax,
    "tensorflow": _tell_tensorflow,
}
"""How each engine's step tells the host."""


def _tensors(iterations: Any, values: list[Any]) -> list[Any]:
    return [ops.cast(iterations, "int32"), *(ops.cast(each, "float32") for each in values)]


def _number(value: Any) -> float:
    """A number of the host, of an engine, or in a variable."""
    found = value.value if isinstance(value, keras.Variable) else value
    return float(ops.convert_to_numpy(found)) if ops.is_tensor(found) else float(found)

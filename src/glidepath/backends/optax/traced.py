"""Curves under JAX: the same formulas, run on a traced step.

Where no table can be, a schedule is computed inside the compiled step. The formulas are those of
`glidepath.schedules`, written in NumPy: `Traced` stands in for their array of steps, and hands
every operation to jax.numpy. Steps stay int32: the starts of phases are subtracted, and whole
periods taken off, before anything becomes float32, so that boundaries above 2**24 are exact.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import singledispatch
from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from glidepath.errors import ArgumentError
from glidepath.schedules import curves

LAST = 2**30
"""The largest step, so that a step and a period together fit into int32; later ones count as it."""


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of steps or values inside a computation that JAX traces."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        given = [_plain(item) for item in inputs]
        if ufunc is np.power and isinstance(given[0], float) and given[0] > 0:
            # float32 cannot hold a base near 1 well enough for large exponents; its logarithm can.
            return Traced(jnp.exp(math.log(given[0]) * jnp.asarray(given[1], jnp.float32)))
        return Traced(getattr(jnp, ufunc.__name__)(*given))

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        given = [_plain(item) for item in args]
        if function is np.take_along_axis:  # the way in which formulas look something up
            return Traced(jnp.asarray(given[0])[given[1]])
        call: Callable[..., Any] = getattr(jnp, function.__name__)
        return Traced(call(*given, **options))

    def __getitem__(self, at: int) -> int:
        """The last of the steps, for formulas that prepare what they need up to there."""
        if at != -1:
            self.tolist()
        return LAST

    def tolist(self) -> NoReturn:
        """What formulas ask for that call a Python function step by step."""
        raise ArgumentError(
            "a Python function (gp.from_function) cannot run inside JAX's compiled step without a "
            "table; give total, e.g. glidepath.optax.schedule(policy, total=10000)"
        )


def evaluate(curve: curves.Curve, k: Any) -> Any:
    """The curve's float32 value at an int32 step."""
    return jnp.asarray(_value(curve, k), jnp.float32)


@singledispatch
def _value(curve: Any, k: Any) -> Any:
    raise ArgumentError(
        f"{type(curve).__name__} has no traced form; give total, so that its table can be used"
    )


@_value.register
def _constant(curve: curves.Constant, k: Any) -> Any:
    return jnp.full(jnp.shape(k), curve.value, jnp.float32)


@_value.register
def _shape(curve: curves.Shape, k: Any) -> Any:
    if curve.length is None:
        return _formula(curve, k)
    inside = _formula(curve, jnp.minimum(k, _step(curve.length - 1)))
    return jnp.where(k < _step(curve.length), inside, jnp.float32(curve.final))


@_value.register
def _joined(curve: curves.Joined, k: Any) -> Any:
    value = _value(curve.parts[0], k)
    for start, part in zip(curve.starts[1:], curve.parts[1:], strict=True):
        if start <= LAST:
            value = jnp.where(k >= start, _value(part, jnp.maximum(k - start, 0)), value)
    return value


@_value.register
def _taken(curve: curves.Taken, k: Any) -> Any:
    return _value(curve.child, jnp.minimum(k, _step(curve.length)))


@_value.register
def _repeated(curve: curves.Repeated, k: Any) -> Any:
    unit = _step(curve.unit)
    return _value(curve.child, jnp.where(k < _step(curve.length), k % unit, unit))


@_value.register
def _scaled(curve: curves.Scaled, k: Any) -> Any:
    return curve.factor * _value(curve.child, k)


@_value.register
def _multiplied(curve: curves.Multiplied, k: Any) -> Any:
    return _value(curve.left, k) * _value(curve.right, k)


@_value.register
def _clipped(curve: curves.Clipped, k: Any) -> Any:
    return jnp.clip(_value(curve.child, k), curve.low, curve.high)


def _formula(curve: curves.Shape, k: Any) -> Any:
    found: Any = curve.formula(Traced(k))  # type: ignore[arg-type]
    return found.value if isinstance(found, Traced) else jnp.asarray(found)


def _plain(item: Any) -> Any:
    """What jax.numpy takes: integers in int32, the others in float32."""
    if isinstance(item, Traced):
        return item.value
    if isinstance(item, list | tuple):
        return type(item)(_plain(each) for each in item)
    array = np.asarray(item)
    if array.dtype.kind in "iu":
        if array.ndim == 0 and abs(int(array)) > LAST:
            raise ArgumentError(
                f"a period of {int(array)} updates does not fit into JAX's int32 steps; give "
                "total, or shorten it"
            )
        array = np.clip(array, -LAST, LAST).astype(np.int32)
    return array.item() if array.ndim == 0 else jnp.asarray(array)


def _step(value: int) -> int:
    """A number of updates as an int32 can hold it."""
    return min(value, LAST)

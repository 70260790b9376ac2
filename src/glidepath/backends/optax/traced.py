"""Curves under JAX: the same formulas, run on a traced step.

Where no table can be, a schedule is computed inside the compiled step. The formulas are those of
`glidepath.schedules`, written in NumPy: `Traced` stands in for their array of steps, and `formulas`
has those that float32 needs in another form. Steps stay int32: the starts of phases are subtracted,
and whole periods taken off, before anything becomes float32, so that boundaries above 2**24 are
exact.
"""

from __future__ import annotations

from fractions import Fraction
from functools import singledispatch
from typing import Any

import jax.numpy as jnp

from glidepath.backends.optax.formulas import product_share
from glidepath.backends.optax.standin import LAST, Traced
from glidepath.errors import ArgumentError
from glidepath.schedules import curves

__all__ = ["LAST", "evaluate"]


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


@_value.register
def _stretched(curve: curves.Stretched, k: Any) -> Any:
    """What `curves.Stretched` does, with its product of two lengths built up in 32 bits."""
    since = jnp.clip(k, _step(curve.at), _step(curve.length)) - _step(curve.at)
    share = Fraction(curve.span - curve.at, curve.length - curve.at)
    whole, over = product_share(since, share)
    at = _step(curve.at) + whole
    steps = jnp.stack([jnp.minimum(k, _step(curve.at)), jnp.maximum(at - 1, 0), at, at + 1])
    flown, before, here, after = _value(curve.child, steps)
    begins, next_begins = (jnp.isin(step, _marks(curve)) for step in (at, at + 1))
    slope = jnp.where(next_begins, here - before, after - here)
    slope = jnp.where(begins & next_begins, 0.0, slope)
    reached = here + slope * (over / jnp.uint32(share.denominator))
    inside = jnp.clip(reached, jnp.minimum(here, after), jnp.maximum(here, after))
    return jnp.where(k < _step(curve.at), flown, inside)


def _marks(curve: curves.Stretched) -> Any:
    """The updates at which a piece of the child begins, as far as steps go."""
    marks = curve.child.marks(curve.span + 1)
    return jnp.asarray(sorted(mark for mark in marks if mark <= LAST), jnp.int32)


def _formula(curve: curves.Shape, k: Any) -> Any:
    found: Any = curve.formula(Traced(k))  # type: ignore[arg-type]
    return found.value if isinstance(found, Traced) else jnp.asarray(found)


def _step(value: int) -> int:
    """A number of updates as an int32 can hold it."""
    return min(value, LAST)

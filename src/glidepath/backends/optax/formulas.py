"""Formulas in the form that float32 holds, for steps that JAX traces.

In float64 a falling curve may be written as end + (rate − end)·height: the rounding is 1e-16 of the
peak. In float32 it would be 1e-7 of the peak, which is much of a rate near its end. So what is left
of a phase is subtracted in int32, and two values are mixed by weights that are both exact to a few
roundings, close to the end too: rate·height + end·(1 − height).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp

from glidepath.backends.optax.standin import LAST, Traced, plain
from glidepath.errors import ArgumentError
from glidepath.schedules import ported, shapes


def product_share(k: Any, share: Fraction) -> tuple[Any, Any]:
    """⌊k·share⌋ and the remainder, in units of 1/share.denominator, exactly, in 32 bits.

    k·share is built up bit by bit, and whole denominators are taken off at every bit.
    """
    if share.denominator > 2 * LAST:
        raise ArgumentError(
            f"a period of {float(1 / share):.6g} updates does not fit into JAX's int32 steps; give "
            "total, or shorten it"
        )
    whole, part = divmod(share.numerator, share.denominator)
    over, each = jnp.uint32(share.denominator), jnp.uint32(part)
    count = jnp.asarray(k).astype(jnp.uint32)

    def add(total: tuple[Any, Any], more: Any) -> tuple[Any, Any]:
        quotient, rest = total
        full = rest >= over - more
        return quotient + full, jnp.where(full, rest - (over - more), rest + more)

    def bit(index: Any, total: tuple[Any, Any]) -> tuple[Any, Any]:
        quotient, rest = total
        doubled = add((2 * quotient, rest), rest)
        added = add(doubled, each)
        is_set = (count >> (30 - index).astype(jnp.uint32)) & 1 == 1
        return jnp.where(is_set, added[0], doubled[0]), jnp.where(is_set, added[1], doubled[1])

    nothing = jnp.zeros_like(count)
    quotient, rest = jax.lax.fori_loop(0, 31, bit, (nothing, nothing))
    return (quotient + count * jnp.uint32(whole)).astype(jnp.int32), rest


def _linear(k: Any, start: Any, end: Any, over: Any) -> Any:
    return start * ((over - k) / over) + end * (k / over)


def _polynomial(k: Any, rate: Any, end: Any, over: Any, power: Any) -> Any:
    u, height = k / over, ((over - k) / over) ** power
    small = -jnp.expm1(power * jnp.log1p(-jnp.minimum(u, 0.5)))
    return rate * height + end * jnp.where(u < 0.5, small, 1.0 - height)


def _cosine(k: Any, rate: Any, end: Any, over: Any) -> Any:
    return rate * _half_wave((over - k) / over) + end * _half_wave(k / over)


def _square_root(k: Any, rate: Any, end: Any, over: Any) -> Any:
    root = jnp.sqrt(k / over)
    return rate * ((over - k) / over / (1.0 + root)) + end * root


def _geometric(k: Any, start: Any, end: Any, over: Any) -> Any:
    steepness = math.log(end / start)
    near = start * jnp.exp(steepness * (k / over))
    return jnp.where(k < over - k, near, end * jnp.exp(-steepness * ((over - k) / over)))


def _between(u: Any, left: Any, a: Any, b: Any, shape: str) -> Any:
    u, left = (jnp.clip(part, 0.0, 1.0) for part in (u, left))
    if shape == "linear":
        return a * left + b * u
    if shape == "cosine":
        return a * _half_wave(left) + b * _half_wave(u)
    if shape == "sqrt":
        return a * (left / (1.0 + jnp.sqrt(u))) + b * jnp.sqrt(u)
    return a * jnp.power(b / a, u)


def _fall(u: Any, left: Any) -> Any:
    return _half_wave(left)


def _equal_cycle(k: Any, length: Fraction) -> tuple[Any, Any, Any]:
    index, rest = product_share(k, 1 / length)
    whole = jnp.uint32(length.numerator)
    return index, rest / whole, (whole - rest) / whole


def _wave(k: Any, rate: Any, end: Any, over: int, cycles: float, exponent: Any) -> Any:
    turns = (Fraction(cycles) / over).limit_denominator(LAST)
    _, rest = product_share(k, turns)
    rest, whole = rest.astype(jnp.int32), turns.denominator
    height = _half_wave(abs(whole - 2 * rest) / whole) ** exponent
    depth = _half_wave(2 * jnp.minimum(rest, whole - rest) / whole)
    small = -jnp.expm1(exponent * jnp.log1p(-jnp.minimum(depth, 0.5)))
    return rate * height + end * jnp.where(depth < 0.5, small, 1.0 - height)


def _triangles(k: Any, start: Any, top: Any, up: int, down: int, mode: str, gamma: float) -> Any:
    cycle = k // (up + down)
    within = k - cycle * (up + down)
    height = jnp.minimum(within / up, (up + down - within) / down)
    depth = jnp.maximum((up - within) / up, (within - up) / down)
    lost: Any = 0.0
    if mode == "triangular2":
        lost = 1.0 - jnp.exp2(-cycle.astype(jnp.float32))
    elif mode == "exp_range":
        lost = -jnp.expm1(math.log(gamma) * k.astype(jnp.float32))
    return start * (depth + height * lost) + top * (height * (1.0 - lost))


def _half_wave(u: Any) -> Any:
    """sin²(πu/2): the height of half a cosine at the share u of the way up."""
    return jnp.square(jnp.sin(0.5 * math.pi * u))


def _taken_over(form: Callable[..., Any]) -> Callable[..., Any]:
    """`form` as what a formula becomes where its first argument is traced."""

    def call(first: Traced, *rest: Any, **named: Any) -> Any:
        given = {name: plain(item) for name, item in named.items()}
        found = form(first.value, *map(plain, rest), **given)
        return tuple(map(Traced, found)) if isinstance(found, tuple) else Traced(found)

    return call


for _formula, _form in (
    (shapes.linear, _linear),
    (shapes.polynomial, _polynomial),
    (shapes.cosine, _cosine),
    (shapes.square_root, _square_root),
    (shapes.geometric, _geometric),
    (ported.between, _between),
    (ported.fall, _fall),
    (ported.equal_cycle, _equal_cycle),
    (ported.wave, _wave),
    (ported.triangles, _triangles),
):
    _formula.register(Traced, _taken_over(_form))

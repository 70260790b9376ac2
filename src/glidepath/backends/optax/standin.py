"""The stand-in for an array of steps, by which NumPy's formulas run on a step that JAX traces.

Every operation on a `Traced` is handed to jax.numpy. Steps stay int32.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NoReturn

import jax.numpy as jnp
import numpy as np

from glidepath.errors import ArgumentError

LAST = 2**30
"""The largest step, so that twice a step fits into int32; later ones count as it."""
_LARGEST = 2**31 - 1
"""The largest period and boundary."""


class Traced(np.lib.mixins.NDArrayOperatorsMixin):
    """An array of steps or values inside a computation that JAX traces."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        if method != "__call__" or options:
            return NotImplemented
        given = [plain(item) for item in inputs]
        if ufunc is np.power and isinstance(given[0], float) and given[0] > 0:
            # float32 cannot hold a base near 1 well enough for large exponents; its logarithm can.
            return Traced(jnp.exp(math.log(given[0]) * jnp.asarray(given[1], jnp.float32)))
        return Traced(getattr(jnp, ufunc.__name__)(*given))

    def __array_function__(
        self, function: Any, types: Any, args: Sequence[Any], options: dict[str, Any]
    ) -> Any:
        given = [plain(item) for item in args]
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


def plain(item: Any) -> Any:
    """What jax.numpy takes: integers in int32, the others in float32."""
    if isinstance(item, Traced):
        return item.value
    if isinstance(item, list | tuple):
        return type(item)(plain(each) for each in item)
    array = np.asarray(item)
    if array.dtype.kind in "iu":
        if array.ndim == 0 and abs(int(array)) > _LARGEST:
            raise ArgumentError(
                f"a period of {int(array)} updates does not fit into JAX's int32 steps; give "
                "total, or shorten it"
            )
        array = np.clip(array, -_LARGEST, _LARGEST).astype(np.int32)
    return array.item() if array.ndim == 0 else jnp.asarray(array)

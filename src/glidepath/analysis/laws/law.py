"""What every law is: a pure function of positive parameters and of what the schedule has done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from glidepath.analysis.rates import Array, RateCurve


@dataclass(frozen=True)
class Scale:
    """The units in which laws are fitted, the same for a fit and its predictions."""

    peak: float
    """Rates are divided by it."""
    area: float
    """Sums of rates are divided by it."""
    horizon: float
    """Updates are divided by it."""


@dataclass(frozen=True)
class Exposure:
    """What a schedule has done by each of m moments, with d changes of the rate; in scaled units.

    Moments are numbers of updates done. A change that lies after a moment has no age and no gap.
    """

    area: Array
    """S(t), shape (m,)."""
    rate: Array
    """The rate at each moment, shape (m,)."""
    size: Array
    """η before − η after of each change, shape (d,)."""
    low: Array
    """η after each change, kept above zero, shape (d,)."""
    gap: Array
    """S(t) − S at the change, at least 0, shape (m, d)."""
    age: Array
    """Updates since the change, at least 0, shape (m, d)."""


LawFunction = Callable[[Array, Exposure], Array]


@dataclass(frozen=True)
class Law:
    """A law of the loss, and where to begin and to lean when fitting it.

    Parameters are positive and fitted as logarithms. `centre` and `spread` describe them in
    logarithms over many trainings: a weak pull where a run says little. The first three are
    the loss that remains, the amount that training removes, and the exponent of time; the fourth,
    where there is one, is the weight of the rate's changes, in which the law is linear as in the
    first two.
    """

    name: str
    parameters: tuple[str, ...]
    function: LawFunction
    centre: tuple[float, ...]
    spread: tuple[float, ...]

    def __call__(self, parameters: Array, exposure: Exposure) -> Array:
        """The loss at each moment; `parameters` in the order of `self.parameters`."""
        return self.function(parameters, exposure)


def expose(rates: RateCurve, moments: Array, scale: Scale, most: int = 300) -> Exposure:
    """What `rates` has done by each moment (updates done), in units of `scale`."""
    drops = rates.drops(most)
    area = rates.area(moments)
    return Exposure(
        area=np.maximum(area, 1e-12 * scale.area) / scale.area,
        rate=rates.at(np.maximum(moments - 1, 0)) / scale.peak,
        size=drops.size / scale.peak,
        low=drops.rate / scale.peak,
        gap=np.maximum(area[:, None] - drops.area, 0.0) / scale.area,
        age=np.maximum(moments[:, None] - drops.step, 0.0) / scale.horizon,
    )


def base(parameters: Array, exposure: Exposure) -> Array:
    """L0 + A·S^−α, the part that all laws share."""
    remains, removed, exponent = parameters[:3]
    return np.asarray(remains + removed * exposure.area ** (-exponent))

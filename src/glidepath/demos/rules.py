"""Six optimizers as their papers have them: from a gradient and a rate to a change of the weights.

A rule is a frozen set of constants. It keeps its memory in slots, arrays of the weights' shape that
begin at zero; step k is counted from 0. Rates may be arrays that broadcast against the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from glidepath.training.trainer import Array

Slots = tuple[Array, ...]


class Rule(Protocol):
    """What every optimizer here is."""

    @property
    def slots(self) -> int:
        """How many arrays it remembers for each array of weights."""
        ...

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        """What to add to the weights at step k, and the slots after it."""
        ...


@dataclass(frozen=True)
class Sgd:
    """w ← w − r·g (Robbins and Monro 1951)."""

    slots: ClassVar[int] = 0

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        return -rate * gradient, ()


@dataclass(frozen=True)
class Momentum:
    """v ← m·v − r·g, w ← w + v (Polyak 1964; in this form Sutskever et al. 2013, and Keras).

    PyTorch and Optax keep the rate outside of v: the same for a fixed rate, not for a changing one.
    """

    momentum: float = 0.9
    slots: ClassVar[int] = 1

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        velocity = self.momentum * slots[0] - rate * gradient
        return velocity, (velocity,)


@dataclass(frozen=True)
class Adagrad:
    """s ← s + g², w ← w − r·g/(√s + ε) (Duchi, Hazan and Singer 2011, JMLR 12)."""

    epsilon: float = 1e-10
    slots: ClassVar[int] = 1

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        total = slots[0] + gradient**2
        return -rate * gradient / (np.sqrt(total) + self.epsilon), (total,)


@dataclass(frozen=True)
class Adadelta:
    """d = g·√(u + ε)/√(s + ε), w ← w − r·d, with s and u the moving means of g² and d².

    s is updated before the step and u after it (Zeiler 2012, arXiv:1212.5701, algorithm 1; r = 1
    there).
    """

    rho: float = 0.95
    epsilon: float = 1e-6
    slots: ClassVar[int] = 2

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        squares = self.rho * slots[0] + (1 - self.rho) * gradient**2
        step = gradient * np.sqrt(slots[1] + self.epsilon) / np.sqrt(squares + self.epsilon)
        steps = self.rho * slots[1] + (1 - self.rho) * step**2
        return -rate * step, (squares, steps)


@dataclass(frozen=True)
class RmsProp:
    """s ← ρ·s + (1 − ρ)·g², w ← w − r·g/(√s + ε) (Tieleman and Hinton 2012, lecture 6e)."""

    rho: float = 0.9
    epsilon: float = 1e-8
    slots: ClassVar[int] = 1

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        squares = self.rho * slots[0] + (1 - self.rho) * gradient**2
        return -rate * gradient / (np.sqrt(squares) + self.epsilon), (squares,)


@dataclass(frozen=True)
class Adam:
    """w ← w − r·m/(√s + ε), with bias-corrected moving means m of g and s of g².

    Kingma and Ba 2015, arXiv:1412.6980, algorithm 1.
    """

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    slots: ClassVar[int] = 2

    def change(
        self, gradient: Array, slots: Slots, rate: Array | float, k: int
    ) -> tuple[Array, Slots]:
        first = self.beta_1 * slots[0] + (1 - self.beta_1) * gradient
        second = self.beta_2 * slots[1] + (1 - self.beta_2) * gradient**2
        mean = first / (1 - self.beta_1 ** (k + 1))
        spread = np.sqrt(second / (1 - self.beta_2 ** (k + 1)))
        return -rate * mean / (spread + self.epsilon), (first, second)


RULES: dict[str, Rule] = {
    "sgd": Sgd(),
    "momentum": Momentum(),
    "adagrad": Adagrad(),
    "adadelta": Adadelta(),
    "rmsprop": RmsProp(),
    "adam": Adam(),
}
"""The six by name."""

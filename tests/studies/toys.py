"""Tasks for the tests of studies: in a module of their own, so that other processes find them."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glidepath.testing import ToyTrainer
from glidepath.training import Updates
from glidepath.training.trainer import Array


@dataclass(frozen=True)
class Toy:
    """A task that takes milliseconds."""

    name: str = "toy"
    kind: str = "classification"
    steps_per_epoch: int = 20

    def open(self) -> ToyTrainer:
        return ToyTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)


@dataclass(frozen=True)
class Slow(Toy):
    """A toy of which every epoch takes a while, so that it can be killed on the way."""

    pause: float = 0.05

    def open(self) -> ToyTrainer:
        trainer = _SlowTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)
        trainer.pause = self.pause
        return trainer


class _SlowTrainer(ToyTrainer):
    pause = 0.05

    def advance(self, values: Mapping[str, Array]) -> Updates:
        high = values["learning_rate"].max() > 0.2  # "cosine" in the tests; never the warm-up
        time.sleep(self.pause if high else 0.05)
        return super().advance(values)


@dataclass(frozen=True)
class WithoutMomentum(Toy):
    """A toy whose optimizer has only a learning rate."""

    def open(self) -> ToyTrainer:
        return _PlainTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)


class _PlainTrainer(ToyTrainer):
    @property
    def hyperparameters(self) -> frozenset[str]:
        return frozenset({"learning_rate"})


@dataclass(frozen=True)
class Fragile(Toy):
    """A toy whose process dies when a certain file is there."""

    trap: str = ""

    def open(self) -> ToyTrainer:
        trainer = _FragileTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)
        trainer.trap = Path(self.trap)
        return trainer


class _FragileTrainer(ToyTrainer):
    trap = Path()

    def advance(self, values: Mapping[str, Array]) -> Updates:
        if self.trap.exists():
            os._exit(1)
        return super().advance(values)


@dataclass(frozen=True)
class Counting(Toy):
    """A toy that writes a line whenever it is reset, so that runs can be counted."""

    log: str = ""

    def open(self) -> ToyTrainer:
        trainer = _CountingTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)
        trainer.log = self.log
        return trainer


class _CountingTrainer(ToyTrainer):
    log = ""

    def reset(self, seed: int) -> None:
        if self.log:
            with Path(self.log).open("a") as file:
                file.write(f"{seed}\n")
        super().reset(seed)


@dataclass(frozen=True)
class Doomed(Toy):
    """A toy whose loss is never a number, but in its first epoch."""

    def open(self) -> ToyTrainer:
        return _DoomedTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)


class _DoomedTrainer(ToyTrainer):
    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.epochs = 0

    def advance(self, values: Mapping[str, Array]) -> Updates:
        updates = super().advance(values)
        self.epochs += 1
        if self.epochs < 3:
            return updates
        return Updates(np.full(len(updates.losses), math.nan), updates.applied, updates.metrics)


@dataclass(frozen=True)
class Unlucky(Toy):
    """A toy that diverges at rates above 0.2, on seed 1 only."""

    def open(self) -> ToyTrainer:
        return _UnluckyTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)


class _UnluckyTrainer(ToyTrainer):
    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.seed = seed

    def advance(self, values: Mapping[str, Array]) -> Updates:
        updates = super().advance(values)
        if self.seed == 1 and values["learning_rate"].max() > 0.2:
            return Updates(np.full(len(updates.losses), math.nan), updates.applied, updates.metrics)
        return updates


@dataclass(frozen=True)
class Broken(Toy):
    """A toy whose training raises, as with a model that does not fit its data."""

    def open(self) -> ToyTrainer:
        return _BrokenTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)


class _BrokenTrainer(ToyTrainer):
    def advance(self, values: Mapping[str, Array]) -> Updates:
        raise ValueError("\x1b[1mshapes (3,) and (4,) differ\x1b[0m")


@dataclass(frozen=True)
class Untested(Toy):
    """A toy without test data."""

    def open(self) -> ToyTrainer:
        return _UntestedTrainer(self.kind, steps_per_epoch=self.steps_per_epoch)


class _UntestedTrainer(ToyTrainer):
    has_test = False


@dataclass(frozen=True)
class NotATask:
    """Something that opens, but not as a trainer."""

    name: str = "nothing"

    def open(self) -> Any:
        return object()

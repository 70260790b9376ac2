"""What the finder found: the rate, how sure that is, what it cost, and every lane."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from glidepath.finding.stored import plain, read

VERSION = 1


@dataclass(frozen=True)
class Cost:
    """What a search took."""

    sequential_updates: int
    """Updates one after the other; lanes that run side by side count once."""
    lane_updates: int
    """Optimizer updates over all lanes."""
    seconds: float
    """Wall-clock time, evaluation included."""
    budget: int
    """Updates of the training that the rate is for."""


@dataclass(frozen=True)
class Look:
    """The probe's losses of a lane on its way."""

    updates: int
    probe: tuple[float, ...]


@dataclass(frozen=True)
class Lane:
    """A short training that flew the policy's shape, compressed, from the common start."""

    rate: float
    """Its peak rate."""
    updates: int
    """The length that the shape was compressed to."""
    score: float
    """The probe's loss at its end, NaN where it diverged."""
    probe: tuple[float, ...]
    """The same by part of the probe, in the same order in every lane."""
    losses: tuple[float, ...]
    """The loss of each update's batch; fewer than `updates` where it diverged."""
    diverged: bool
    looks: tuple[Look, ...] = ()
    """Looks on the way, where nothing changes during the run: each is a shorter run's end."""


@dataclass(frozen=True)
class Curve:
    """The predicted loss after the whole budget over peak rates, above that of the best rate.

    In the unit of the task's loss. How far one rate is above another is foretold better than where
    the best one ends.
    """

    rates: tuple[float, ...]
    loss: tuple[float, ...]
    low: tuple[float, ...]
    """The lower end of the band that holds 80 % of the laws that fit the lanes."""
    high: tuple[float, ...]


@dataclass(frozen=True)
class Found:
    """The peak rate that trains best over the whole budget, and what it rests on."""

    learning_rate: float
    interval: tuple[float, float]
    """Where the best rate is for 80 % of the laws that fit the lanes, and an octave more."""
    diverges_at: float | None
    """The lowest rate, above the best lane's, at which a lane diverged or learnt nothing; None
    where none did."""
    cyclical: Mapping[str, float]
    """Base ("low") and top ("high") for cyclical rates."""
    curve: Curve
    cost: Cost
    confidence: str
    """ "high", "medium" or "low"."""
    warnings: tuple[str, ...]
    """What to be careful about, in plain words."""
    lanes: tuple[Lane, ...]
    effort: str
    seed: int | None

    def to_json(self) -> str:
        """This result as JSON text, for `from_json`; numbers that are not finite become null."""
        return json.dumps({"glidepath_found": VERSION, **plain(asdict(self))}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Found:
        """The result that `to_json` wrote, number for number.

        Raises:
            RecordError: not JSON, of another version, or with missing or unknown keys.
        """
        return read(
            text,
            ("glidepath_found", VERSION),
            (each.name for each in fields(cls)),
            _parsed,
            ("a finder's result", "the finder"),
        )


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(math.nan if value is None else float(value) for value in values)


def _lane(data: Mapping[str, Any]) -> Lane:
    numbers = {name: _numbers(data[name]) for name in ("probe", "losses")}
    score = math.nan if data["score"] is None else float(data["score"])
    looks = tuple(Look(int(one["updates"]), _numbers(one["probe"])) for one in data["looks"])
    return Lane(**{**data, **numbers, "rate": float(data["rate"]), "score": score, "looks": looks})


def _parsed(data: Mapping[str, Any]) -> Found:
    low, high = data["interval"]
    edge = data["diverges_at"]
    return Found(
        learning_rate=float(data["learning_rate"]),
        interval=(float(low), float(high)),
        diverges_at=None if edge is None else float(edge),
        cyclical={name: float(data["cyclical"][name]) for name in ("low", "high")},
        curve=Curve(**{name: _numbers(values) for name, values in data["curve"].items()}),
        cost=Cost(**data["cost"]),
        confidence=str(data["confidence"]),
        warnings=tuple(str(line) for line in data["warnings"]),
        lanes=tuple(_lane(lane) for lane in data["lanes"]),
        effort=str(data["effort"]),
        seed=None if data["seed"] is None else int(data["seed"]),
    )

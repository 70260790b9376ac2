"""Which column is what: the names given, or a guess with a message."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from glidepath.analysis.reading.table import Table
from glidepath.errors import RecordError

_STEPS = (
    "step",
    "globalstep",
    "trainerglobalstep",
    "trainglobalstep",
    "iteration",
    "iter",
    "update",
    "updates",
    "steps",
    "trainstep",
    "numupdates",
    "batch",
    "k",
    "t",
    "wandbstep",
)
_EPOCHS = ("epoch", "epochs", "trainepoch", "epochnumber")
_VALIDATION = {"val", "valid", "validation", "eval", "dev", "evaluation"}
_TRAIN = {"train", "training", "tr"}
_NOISE = {"epoch", "step", "batch", "mean", "avg", "running", "scalars"}
ENOUGH = 20
"""A validation loss is preferred to the training loss where it has this many values."""


@dataclass(frozen=True)
class Columns:
    """The names of the columns that matter; None where there is none."""

    step: str | None
    epoch: str | None
    loss: str
    rate: str | None
    of: str
    """ "train" or "validation"."""
    others: dict[str, str]
    """ "train_loss", "validation_loss" and "train_accuracy", where they were found."""
    notes: tuple[str, ...]


def choose(table: Table, loss: str | None, step: str | None, rate: str | None) -> Columns:
    """The columns by the names given, and by their own names where none was given.

    Raises:
        RecordError: a given name that is not there, no loss, or several that could be it.
    """
    names = [n for n, v in table.columns.items() if np.any(np.isfinite(v))]
    for given in (loss, step, rate):
        if given is not None and given not in names:
            raise RecordError(f"no column {given!r} with numbers in it; there are {listed(names)}")
    notes = []
    plain = [n for n in names if not re.search(r"__(MIN|MAX)$", n)]
    if step is None:
        step = _first(plain, _STEPS)
    epoch = _first(plain, _EPOCHS)
    rest = [n for n in plain if n not in (step, epoch)]
    if rate is None:
        rate = _simplest(_of_one_run([n for n in rest if _is_rate(n)], loss), "learning rate")
        if rate is not None and rate.lower() not in ("lr", "learning_rate"):
            notes.append(f"took {rate!r} for the learning rate")
    same = rest if loss is None else _of_one_run(rest, loss)
    losses = {
        "train_loss": _simplest(_matching(same, "loss", "train"), "training loss"),
        "validation_loss": _simplest(_matching(same, "loss", "val"), "validation loss"),
    }
    if loss is None:
        loss = _preferred(table, losses)
        notes.append(f"took {loss!r} for the loss")
    accuracy = _simplest(
        _matching(same, "accuracy", "train") or _matching(same, "acc", "train"),
        "training accuracy",
    )
    others = {
        key: name
        for key, name in (*losses.items(), ("train_accuracy", accuracy))
        if name is not None and name != loss
    }
    of = "validation" if _split(loss) == "val" else "train"
    return Columns(step, epoch, loss, rate, of, others, tuple(notes))


def _preferred(table: Table, losses: dict[str, str | None]) -> str:
    train, validation = losses["train_loss"], losses["validation_loss"]
    if validation is not None:
        many = int(np.isfinite(table.columns[validation]).sum()) >= ENOUGH
        if many or train is None:
            return validation
    if train is None:
        raise RecordError(
            f"none of the columns {listed(table.columns)} looks like a loss; "
            "name it, e.g. loss='nll'"
        )
    return train


def listed(names: Iterable[str]) -> list[str]:
    """The first of many names, for a message."""
    given = list(names)
    return given if len(given) <= 20 else [*given[:20], f"... {len(given) - 20} more"]


def _words(name: str) -> list[str]:
    """The words of a column's name, without a run's name in front ("run - train/loss")."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rsplit(" - ", 1)[-1])
    return re.findall(r"[a-z]+", spaced.lower())


def _first(names: Iterable[str], wanted: tuple[str, ...]) -> str | None:
    by_word = {}
    for name in reversed(list(names)):
        key = "wandbstep" if name == "_step" else "".join(_words(name))
        by_word[key] = name
    return next((by_word[word] for word in wanted if word in by_word), None)


def _is_rate(name: str) -> bool:
    words = _words(name)
    joined = " ".join(words)
    return "lr" in words or "learning rate" in joined or joined in ("rate", "eta", "lrs")


def _split(name: str) -> str:
    words = set(_words(name))
    if words & _VALIDATION:
        return "val"
    return "test" if "test" in words else "train"


def _matching(names: list[str], word: str, split: str) -> list[str]:
    return [n for n in names if word in _words(n) and _split(n) == split]


def _of_one_run(names: list[str], loss: str | None) -> list[str]:
    """The columns of the run that `loss` belongs to, where the names say so ("run - lr")."""
    if loss is None or " - " not in loss:
        return names
    run = loss.rsplit(" - ", 1)[0] + " - "
    return [name for name in names if name.startswith(run) or " - " not in name]


def _simplest(found: list[str], what: str) -> str | None:
    """The match with the fewest extra words; RecordError where runs are mixed in one table."""
    if not found:
        return None

    def extra(name: str) -> int:
        words = set(_words(name)) - _TRAIN
        return 2 * len(words - _NOISE) + len(words & _NOISE)

    best = min(extra(name) for name in found)
    top = [name for name in found if extra(name) == best]
    runs = {name.rsplit(" - ", 1)[0] for name in top if " - " in name}
    if len(runs) > 1:
        raise RecordError(
            f"several runs are mixed in one table: {top} could each be the {what}; "
            "export one run, or name its columns with step=, loss= and rate="
        )
    return top[0]

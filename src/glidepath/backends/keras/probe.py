"""The losses of the parts of a task's validation data."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import tree

from glidepath.backends.keras.data import Arrays, Stream
from glidepath.backends.keras.engine import Engine, examples
from glidepath.training.trainer import PROBE_PARTS, Array


class Probe:
    """Pieces of the validation data, placed once, and their losses."""

    def __init__(self, source: Arrays | Stream, engine: Engine, wanted: int) -> None:
        self._engine = engine
        pieces = _cut(source, wanted) if isinstance(source, Arrays) else _drawn(source, wanted)
        shapes = [_shapes(piece) for piece in pieces]
        alike = [pieces] if len(set(shapes)) == 1 else [[piece] for piece in pieces]
        self._stacks = [engine.batch(_stacked(stack)) for stack in alike]

    def losses(self) -> Array:
        """The mean loss of each piece."""
        return np.concatenate([self._engine.losses(stack) for stack in self._stacks])


def _stacked(pieces: list[Any]) -> Any:
    """Pieces of one shape as one, with a further first axis."""
    return tree.map_structure(
        lambda *leaves: None if leaves[0] is None else np.stack(leaves), *pieces
    )


def _shapes(piece: Any) -> tuple[Any, ...]:
    return tuple(None if leaf is None else leaf.shape for leaf in tree.flatten(piece))


def _cut(source: Arrays, wanted: int) -> list[Any]:
    size = max(min(wanted, source.count) // PROBE_PARTS, 1)
    starts = range(0, min(source.count, size * PROBE_PARTS), size)
    return [
        tree.map_structure(
            lambda leaf, cut=slice(start, start + size): None if leaf is None else leaf[cut],
            source.arrays,
        )
        for start in starts
    ]


def _drawn(source: Stream, wanted: int) -> list[Any]:
    """The first batches of a data set; one that is smaller than the first is left out."""
    kept: list[Any] = []
    for batch in source.epoch():
        if kept and examples(batch) < examples(kept[0]):
            continue
        kept.append(batch)
        if len(kept) * examples(kept[0]) >= wanted:
            break
    return kept

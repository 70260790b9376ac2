"""The losses of the parts of a task's validation data."""

from __future__ import annotations

from collections.abc import Iterator

from glidepath.backends.torch.data import Batch, Source, Tensors
from glidepath.training.trainer import PROBE_PARTS


def pieces(source: Source, wanted: int) -> Iterator[Batch]:
    """The first `wanted` examples in parts; a loader's own batches, but for smaller ones."""
    if isinstance(source, Tensors):
        yield from source.parts(PROBE_PARTS, wanted)
        return
    first, seen = 0, 0
    for inputs, targets in source.whole():
        first = first or len(targets)
        if len(targets) < first:
            continue
        yield inputs, targets
        seen += first
        if seen >= wanted:
            return

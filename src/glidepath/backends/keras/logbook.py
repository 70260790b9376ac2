"""The logbook: a flight's state inside Keras's own checkpoints.

Keras saves what hangs on a model: its layers, its optimizer, and here a layer without weights that
carries the flight's state. So `model.save`, `save_weights`, `ModelCheckpoint` and
`BackupAndRestore` keep it, and whoever loads the file without Glidepath never sees it.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np

from glidepath.errors import ResumeError

_NAME = "_glidepath"
_STATE = "state"
_KEYS = ("plan", "fingerprint", "controllers")

Arrays = list[Any]


class Logbook(keras.layers.Layer):
    """What a model's checkpoint holds of a flight.

    Args:
        holder: has `pack()`, the state and the arrays of the best epoch, and `unpack(...)`.
    """

    def __init__(self, holder: Any) -> None:
        super().__init__(name="glidepath")
        self.built = True
        # In a function, so that Keras does not look for something to save in the holder.
        self.holder: Callable[[], Any] = lambda: holder

    def save_own_variables(self, store: Any) -> None:
        """The state as JSON in bytes, and the arrays of the best epoch."""
        state, best = self.holder().pack()
        if state:
            store[_STATE] = np.frombuffer(json.dumps(state).encode(), np.uint8)
            for index, array in enumerate(best):
                store[f"best_{index}"] = array

    def load_own_variables(self, store: Any) -> None:
        """Hand the flight what was saved; a file without any changes nothing."""
        if _STATE in store.keys():  # noqa: SIM118 - a store of Keras is no mapping
            state = json.loads(np.asarray(store[_STATE]).tobytes())
            count = len(store.keys()) - 1
            self.holder().unpack(state, [store[f"best_{i}"] for i in range(count)])


def hang(model: Any, flight: Any) -> None:
    """Let the model's checkpoints carry this flight's state, and no earlier one's."""
    held = model.__dict__.get(_NAME)
    if held is None or held.holder() is not flight:
        # Through __dict__, which neither Keras nor TensorFlow watches.
        model.__dict__[_NAME] = Logbook(flight)


class _Reader(keras.Model):
    """Loads nothing of a checkpoint but the logbook."""

    def __init__(self) -> None:
        super().__init__()
        self.built = True
        self.__dict__["found"] = None
        hang(self, self)

    def load_own_variables(self, store: Any) -> None:
        return

    def unpack(self, state: Any, best: Arrays) -> None:
        self.__dict__["found"] = state, best


def read(path: Path | str) -> tuple[dict[str, Any], Arrays]:
    """The state of the flight that trained a saved model, and the arrays of its best epoch.

    Args:
        path: what `model.save`, `save_weights` or a callback wrote: `.keras`, `.weights.h5`.

    Raises:
        ResumeError: no such file, not Keras's, or saved without a flight.
    """
    reader = _Reader()
    try:
        reader.load_weights(str(path))
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise ResumeError(
            f"Flight: {path} cannot be read as a checkpoint of Keras ({error}); give the .keras "
            "or .weights.h5 file that was saved"
        ) from error
    found = reader.__dict__["found"]
    if found is None:
        raise ResumeError(
            f"Flight: {path} holds no flight's state, so it was saved without one; leave `state` "
            "out to go on by the optimizer's count of updates alone"
        )
    return checked(found[0]), found[1]


def checked(state: Any) -> dict[str, Any]:
    """`state` if it is what `flight.state` gives."""
    if not isinstance(state, Mapping) or not all(key in state for key in _KEYS):
        raise ResumeError(
            f"Flight: state must be what flight.state was, or a checkpoint's path, got {state!r}"
        )
    if not isinstance(state["controllers"], list):
        raise ResumeError(
            f"Flight: state must list the controllers' states, got {state['controllers']!r}; was "
            "it edited?"
        )
    return dict(state)

"""Animations as GIF: what stands still is drawn once, and what moves is drawn over it.

Every frame has the same few colours without dithering, so that flat drawings stay small.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from glidepath.viewing.figures.canvas import our_settings

Packed = NDArray[np.uint32]
"""A picture, or colours: red, green and blue as one number, red in the lowest eight bits."""
GIF_DPI = 100
_COLORS = 200


@dataclass(frozen=True)
class Animation:
    """A figure, what moves in it, and how."""

    figure: Figure
    artists: Sequence[Artist]
    """What moves, in the order of drawing."""
    frames: int
    show: Callable[[int], None]
    """Puts the artists where they are in a frame; frames are counted from 0."""


def save_gif(animation: Animation, path: Path, *, seconds: float, hold: float = 2.0) -> Path:
    """Write an animation as an endless GIF and return where it is; the figure shows its end.

    Args:
        animation: what to draw.
        path: the file.
        seconds: how long it takes from the first frame to the last.
        hold: how long the last frame stands, in seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = _pictures(animation)
    flat = _flat(pictures)
    each = max(20, round(1000 * seconds / len(flat) / 10) * 10)
    durations = [each] * (len(flat) - 1) + [round(1000 * hold)]
    flat[0].save(
        path, save_all=True, append_images=flat[1:], duration=durations, loop=0, optimize=True
    )
    return path


def _pictures(animation: Animation) -> list[Packed]:
    """Every frame, in full colour."""
    figure = animation.figure
    before, shown = figure.get_dpi(), figure.canvas
    canvas = cast("Any", FigureCanvasAgg(figure))
    found = []
    with our_settings():
        figure.set_dpi(GIF_DPI)
        animation.show(animation.frames - 1)
        for artist in animation.artists:
            artist.set_animated(True)
        canvas.draw()
        still = canvas.copy_from_bbox(figure.bbox)
        for frame in range(animation.frames):
            canvas.restore_region(still)
            animation.show(frame)
            for artist in animation.artists:
                figure.draw_artist(artist)
            rgba = np.frombuffer(canvas.buffer_rgba(), dtype="<u4")
            found.append((rgba & 0xFFFFFF).reshape(canvas.get_width_height()[::-1]))
        for artist in animation.artists:
            artist.set_animated(False)
    figure.set_dpi(before)
    figure.set_canvas(shown)
    return found


def _flat(pictures: Sequence[Packed]) -> list[Image.Image]:
    """The pictures in their commonest colours, as they are; each rare one becomes the nearest."""
    samples = np.concatenate([pictures[i].ravel() for i in {0, len(pictures) // 2, -1}])
    colors, counts = np.unique(samples, return_counts=True)
    chosen = colors[np.argsort(-counts, kind="stable")[:_COLORS]]
    there = np.zeros(2**24, dtype=bool)
    for picture in pictures:
        there[picture] = True
    nearest = np.zeros(2**24, dtype=np.uint8)
    for part in np.array_split(np.flatnonzero(there).astype(np.uint32), 32):
        distances = (_parts(part)[:, None] - _parts(chosen)[None]) ** 2
        nearest[part] = distances.sum(axis=2).argmin(axis=1)
    flat = []
    for picture in pictures:
        indexed = Image.fromarray(nearest[picture])
        indexed.putpalette(_parts(chosen).astype(np.uint8).tobytes())
        flat.append(indexed)
    return flat


def _parts(packed: Packed) -> NDArray[np.int32]:
    """Red, green and blue."""
    shifts = np.array([0, 8, 16], dtype=np.uint32)
    return ((packed[:, None] >> shifts) & 0xFF).astype(np.int32)

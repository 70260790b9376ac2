"""One look for every figure: a fixed colour, line style and marker per policy name.

The hues are after Okabe and Ito's colour-blind-safe set, brought to a middle lightness so that
each can be read on white and on near-black. Policies that share a hue differ in line style, and
all differ in marker, so that colour is never the only sign.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

INK = "#20262e"
"""Text and axes on white."""
MUTED = "#5d6673"
GRID = "#e3e6ea"
REST = "#c9ced6"
"""The policies that a panel is not about."""
OTHERS = "#8b95a3"
"""One line that stands for several policies; on white and on near-black."""
ALARM = "#c8321f"
"""What diverged."""
BAND = "#dcebf7"
"""The range between the low and the high rate."""

_BLUE, _ORANGE, _GREEN, _RED = "#2a78c8", "#d17a00", "#0b9470", "#d0452f"
_PINK, _SKY, _OLIVE, _GREY = "#b0559e", "#2d9fc9", "#948a00", "#6b7480"
_HUES = (_BLUE, _ORANGE, _GREEN, _RED, _PINK, _SKY, _OLIVE)
HUES = {
    "blue": _BLUE,
    "orange": _ORANGE,
    "green": _GREEN,
    "red": _RED,
    "pink": _PINK,
    "sky": _SKY,
    "olive": _OLIVE,
    "grey": _GREY,
}
"""The hues by name, for what is no policy."""

_LINESTYLES: dict[str, str | tuple[float, tuple[float, ...]]] = {
    "solid": "-",
    "dash": (0.0, (5.0, 2.0)),
    "dot": (0.0, (1.2, 1.6)),
    "dashdot": (0.0, (6.0, 2.0, 1.2, 2.0)),
}
_SVG_DASHES = {"solid": "", "dash": "6 3", "dot": "2 2.5", "dashdot": "7 2.5 2 2.5"}
_SYMBOLS = {
    "o": "circle",
    "s": "square",
    "D": "diamond",
    "^": "triangle-up",
    "v": "triangle-down",
    "<": "triangle-left",
    ">": "triangle-right",
    "P": "cross",
    "X": "x",
    "p": "pentagon",
    "h": "hexagon",
    "*": "star",
    "H": "hexagon2",
    "8": "octagon",
    "d": "diamond-tall",
}


@dataclass(frozen=True)
class PolicyStyle:
    """How one policy is drawn, everywhere."""

    color: str
    dash: str
    """ "solid", "dash", "dot" or "dashdot"."""
    marker: str
    """In matplotlib's letters."""

    @property
    def linestyle(self) -> str | tuple[float, tuple[float, ...]]:
        """The dash in matplotlib's form."""
        return _LINESTYLES[self.dash]

    @property
    def symbol(self) -> str:
        """The marker by its name in plotly."""
        return _SYMBOLS[self.marker]

    @property
    def svg_dash(self) -> str:
        """The dash as SVG's `stroke-dasharray`."""
        return _SVG_DASHES[self.dash]

    def faded(self, opacity: float) -> str:
        """The colour as CSS `rgba(...)`."""
        red, green, blue = (int(self.color[i : i + 2], 16) for i in (1, 3, 5))
        return f"rgba({red},{green},{blue},{opacity:g})"


STYLES = {
    "fixed": PolicyStyle(_GREY, "solid", "o"),
    "cosine": PolicyStyle(_BLUE, "solid", "s"),
    "step": PolicyStyle(_ORANGE, "solid", "v"),
    "wsd": PolicyStyle(_GREEN, "solid", "P"),
    "1cycle": PolicyStyle(_RED, "solid", "^"),
    "plateau": PolicyStyle(_PINK, "solid", "D"),
    "triangular": PolicyStyle(_SKY, "solid", ">"),
    "exponential": PolicyStyle(_OLIVE, "solid", "X"),
    "piecewise": PolicyStyle(_BLUE, "dash", "p"),
    "polynomial": PolicyStyle(_ORANGE, "dash", "h"),
    "time-based": PolicyStyle(_GREEN, "dash", "<"),
    "power": PolicyStyle(_RED, "dash", "d"),
    "triangular2": PolicyStyle(_PINK, "dash", "*"),
    "exp_range": PolicyStyle(_SKY, "dash", "8"),
}
"""The classic policies, each with a look of its own that never changes."""


def policy_style(name: str) -> PolicyStyle:
    """The look of a policy: fixed for the classic ones, by a stable hash of the name for others.

    Others are dotted or dash-dotted, so none is mistaken for a classic policy.
    """
    if name in STYLES:
        return STYLES[name]
    code = zlib.crc32(name.encode())
    markers = tuple(_SYMBOLS)
    return PolicyStyle(
        _HUES[code % len(_HUES)],
        ("dot", "dashdot")[code // len(_HUES) % 2],
        markers[code // (2 * len(_HUES)) % len(markers)],
    )


OPTIMIZERS = {
    "sgd": PolicyStyle(_GREY, "solid", "o"),
    "momentum": PolicyStyle(_ORANGE, "solid", "s"),
    "adagrad": PolicyStyle(_OLIVE, "solid", "v"),
    "adadelta": PolicyStyle(_PINK, "solid", "D"),
    "rmsprop": PolicyStyle(_GREEN, "solid", "P"),
    "adam": PolicyStyle(_BLUE, "solid", "^"),
}
"""The optimizers, each with a look of its own that never changes."""


RC = {
    "font.size": 9.5,
    "axes.titlesize": 10.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9.5,
    "axes.labelcolor": MUTED,
    "axes.edgecolor": "#aab1bb",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "text.parse_math": False,  # names are shown as they are
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "xtick.major.size": 3.0,
    "ytick.major.size": 3.0,
    "xtick.minor.size": 0.0,
    "ytick.minor.size": 0.0,
    "lines.linewidth": 1.7,
    "lines.solid_capstyle": "round",
    "legend.frameon": False,
    "legend.fontsize": 8.5,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}
"""matplotlib settings, in force only while a figure of ours is built or saved."""

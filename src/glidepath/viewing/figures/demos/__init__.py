"""The pictures of `glidepath demo`: landscapes, paths and curves, still and moving."""

from glidepath.viewing.figures.demos.decay import decay_figure
from glidepath.viewing.figures.demos.noise import noise_animation
from glidepath.viewing.figures.demos.optimizers import digits_figure, race_animation
from glidepath.viewing.figures.demos.policies import one_cycle_figure, policies_figure
from glidepath.viewing.figures.demos.regimes import regimes_animation
from glidepath.viewing.figures.demos.saddle import saddle_animation

__all__ = [
    "decay_figure",
    "digits_figure",
    "noise_animation",
    "one_cycle_figure",
    "policies_figure",
    "race_animation",
    "regimes_animation",
    "saddle_animation",
]

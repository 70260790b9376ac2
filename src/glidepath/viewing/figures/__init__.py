"""Figures for paper and PNG, drawn with matplotlib's objects and no global state."""

from glidepath.viewing.figures.animation import save_gif
from glidepath.viewing.figures.canvas import check_picture, save
from glidepath.viewing.figures.curves import curves_figure
from glidepath.viewing.figures.final import final_figure
from glidepath.viewing.figures.plans import plan_figure
from glidepath.viewing.figures.range_tests import range_test_figure
from glidepath.viewing.figures.rates import rates_figure

__all__ = [
    "check_picture",
    "curves_figure",
    "final_figure",
    "plan_figure",
    "range_test_figure",
    "rates_figure",
    "save",
    "save_gif",
]

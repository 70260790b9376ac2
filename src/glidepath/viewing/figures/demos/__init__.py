"""The pictures of `glidepath demo`: landscapes, paths and curves, still and moving."""

from glidepath.viewing.figures.demos.regimes import regimes_animation

__all__ = ["regimes_animation"]

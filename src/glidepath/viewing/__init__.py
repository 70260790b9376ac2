"""Viewing: figures, the report and the terminal's tables; reads records and results, never trains.

Nothing here is imported before it is used: matplotlib comes with the first figure, plotly's
JavaScript with the first report.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from glidepath.viewing.figures import (
        curves_figure,
        final_figure,
        plan_figure,
        range_test_figure,
        rates_figure,
    )
    from glidepath.viewing.report import draw_report, write_figures, write_report
    from glidepath.viewing.style import PolicyStyle, policy_style
    from glidepath.viewing.terminal import range_test_table, sparkline, study_table

_WHERE = {
    "PolicyStyle": "style",
    "curves_figure": "figures",
    "draw_report": "report",
    "final_figure": "figures",
    "plan_figure": "figures",
    "policy_style": "style",
    "range_test_figure": "figures",
    "range_test_table": "terminal",
    "rates_figure": "figures",
    "sparkline": "terminal",
    "study_table": "terminal",
    "write_figures": "report",
    "write_report": "report",
}


def __getattr__(name: str) -> object:
    """The public names, imported when they are first used."""
    if name in _WHERE:
        return getattr(importlib.import_module(f"{__name__}.{_WHERE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


__all__ = [
    "PolicyStyle",
    "curves_figure",
    "draw_report",
    "final_figure",
    "plan_figure",
    "policy_style",
    "range_test_figure",
    "range_test_table",
    "rates_figure",
    "sparkline",
    "study_table",
    "write_figures",
    "write_report",
]

"""The report: one HTML file that needs nothing else, and the figures as PNG beside it."""

from glidepath.viewing.report.page import draw_report, write_figures, write_report

__all__ = ["draw_report", "write_figures", "write_report"]

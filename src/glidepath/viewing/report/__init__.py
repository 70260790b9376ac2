"""The report: one HTML file that needs nothing else, and the figures as PNG beside it."""

from glidepath.viewing.report.page import write_figures, write_report

__all__ = ["write_figures", "write_report"]

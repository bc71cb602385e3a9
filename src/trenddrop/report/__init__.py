"""One run as a page to read: a single HTML file without any request to elsewhere."""

from trenddrop.report.content import Plot, ReportContent, VideoContent
from trenddrop.report.history import draw_history
from trenddrop.report.page import html_report

__all__ = ["Plot", "ReportContent", "VideoContent", "draw_history", "html_report"]

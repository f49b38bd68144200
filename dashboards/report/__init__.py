"""The report of campaigns: one HTML file that opens from disk, and its numbers as JSON."""

from dashboards.report.contents import Contents, collect_contents
from dashboards.report.files import write_figures, write_json
from dashboards.report.page import render_page, write_report

__all__ = [
    "Contents",
    "collect_contents",
    "render_page",
    "write_figures",
    "write_json",
    "write_report",
]

"""The report of a sweep: one page that needs nothing else, the same in Markdown, and plots."""

from remixlab.sweep.report.write import write_report

__all__ = ["write_report"]

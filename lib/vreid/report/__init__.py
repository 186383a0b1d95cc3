"""The report page of a finished chain: scores, curves, rank lists, a contact sheet of the data."""

from vreid.report.content import RankedLists, Report, ScoreRow, TrainingRun
from vreid.report.page import write_report
from vreid.report.sheet import contact_sheet

__all__ = [
    "RankedLists",
    "Report",
    "ScoreRow",
    "TrainingRun",
    "contact_sheet",
    "write_report",
]

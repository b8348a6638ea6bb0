"""From results to files that people look at: JSON and pictures."""

from art_snn.report.animation import write_animation
from art_snn.report.axis_curves import Curve, curves
from art_snn.report.evidence import evidence_figures
from art_snn.report.files import (
    DEFENCES,
    RESULTS,
    TRIGGER,
    keep_defended,
    keep_result,
    write_defended,
    write_result,
    write_trigger,
)
from art_snn.report.folder import ResultsFolder
from art_snn.report.matrix import defences_figure, judged
from art_snn.report.pictures import trigger_sheet, triggered_figure
from art_snn.report.reasons import notice
from art_snn.report.report_table import ReportTable
from art_snn.report.sweep_tables import report_tables
from art_snn.report.sweeps import sweep_text, write_sweep
from art_snn.report.tables import WIDTH, as_text, comparison_table, defence_tables
from art_snn.report.whole import Report, write_report

__all__ = [
    "DEFENCES",
    "RESULTS",
    "TRIGGER",
    "WIDTH",
    "Curve",
    "Report",
    "ReportTable",
    "ResultsFolder",
    "as_text",
    "comparison_table",
    "curves",
    "defence_tables",
    "defences_figure",
    "evidence_figures",
    "judged",
    "keep_defended",
    "keep_result",
    "notice",
    "report_tables",
    "sweep_text",
    "trigger_sheet",
    "triggered_figure",
    "write_animation",
    "write_defended",
    "write_report",
    "write_result",
    "write_sweep",
    "write_trigger",
]

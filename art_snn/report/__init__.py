"""From results to files that people look at: JSON and pictures."""

from art_snn.report.animation import write_animation
from art_snn.report.evidence import evidence_figures
from art_snn.report.files import check_folder, write_defended, write_result, write_trigger
from art_snn.report.matrix import defences_figure
from art_snn.report.pictures import trigger_sheet, triggered_figure
from art_snn.report.tables import WIDTH, comparison_table, defence_tables

__all__ = [
    "WIDTH",
    "check_folder",
    "comparison_table",
    "defence_tables",
    "defences_figure",
    "evidence_figures",
    "trigger_sheet",
    "triggered_figure",
    "write_animation",
    "write_defended",
    "write_result",
    "write_trigger",
]

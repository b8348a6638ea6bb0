"""From results to files that people look at: JSON and pictures."""

from art_snn.report.animation import write_animation
from art_snn.report.files import check_folder, write_defended, write_result, write_trigger
from art_snn.report.matrix import defences_figure
from art_snn.report.pictures import trigger_sheet, triggered_figure

__all__ = [
    "check_folder",
    "defences_figure",
    "trigger_sheet",
    "triggered_figure",
    "write_animation",
    "write_defended",
    "write_result",
    "write_trigger",
]

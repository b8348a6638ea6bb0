"""From results to files that people look at: JSON and pictures."""

from art_snn.report.animation import write_animation
from art_snn.report.files import write_defended, write_result, write_trigger
from art_snn.report.matrix import defences_figure
from art_snn.report.pictures import trigger_sheet, triggered_figure

__all__ = [
    "defences_figure",
    "trigger_sheet",
    "triggered_figure",
    "write_animation",
    "write_defended",
    "write_result",
    "write_trigger",
]

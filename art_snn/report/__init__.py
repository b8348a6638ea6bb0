"""From results to files that people look at: JSON and pictures."""

from art_snn.report.animation import write_animation
from art_snn.report.files import write_result, write_trigger
from art_snn.report.pictures import trigger_sheet, triggered_figure

__all__ = ["trigger_sheet", "triggered_figure", "write_animation", "write_result", "write_trigger"]

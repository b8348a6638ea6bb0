"""What holds of every figure: words are whole and in nobody's way, nothing is empty, and legends hide nothing."""

from itertools import combinations

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from art_snn.typing import Array

SLACK = 1.0  # pixels


def rendered(figure: Figure) -> Array:
    """The picture (height, width, 3) in [0, 1], as it is written to a file."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3] / 255


def check_layout(figure: Figure) -> None:
    """All words lie within the figure and not on each other, no title on axes; no axes are empty, no legend on any."""
    rendered(figure)
    visible = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text().strip()]
    hidden = _hidden(figure)
    texts = [text for text in visible if text not in hidden]
    boxes = {text: text.get_window_extent() for text in texts}
    for text, box in boxes.items():
        assert _within(box, figure.bbox), f"{text.get_text()!r} is cut off"
    for one, other in combinations(texts, 2):
        assert not _meet(boxes[one], boxes[other]), f"{one.get_text()!r} and {other.get_text()!r} lie on each other"
    for ax in figure.axes:
        assert ax.has_data(), "empty axes"
        title = figure._suptitle
        assert title is None or not _meet(title.get_window_extent(), ax.get_tightbbox()), "the title lies on axes"
    for legend in figure.findobj(Legend):
        assert not any(_meet(legend.get_window_extent(), ax.bbox) for ax in figure.axes), "a legend lies on axes"


def _hidden(figure: Figure) -> set[Text]:
    """Labels of ticks that are not drawn, as they lie beyond the limits of an axis."""
    hidden = set()
    for ax in figure.axes:
        for number, axis in enumerate((ax.xaxis, ax.yaxis)):
            low, high = sorted(axis.get_view_interval())
            for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks()):
                labels = {tick.label1, tick.label2}
                hidden |= {label for label in labels if not low <= label.get_position()[number] <= high}
    return hidden


def _within(box: Bbox, outer: Bbox) -> bool:
    return (
        outer.x0 - SLACK <= box.x0
        and box.x1 <= outer.x1 + SLACK
        and outer.y0 - SLACK <= box.y0
        and box.y1 <= outer.y1 + SLACK
    )


def _meet(one: Bbox, other: Bbox) -> bool:
    wide = min(one.x1, other.x1) - max(one.x0, other.x0)
    high = min(one.y1, other.y1) - max(one.y0, other.y0)
    return bool(wide > SLACK and high > SLACK)

"""Pictures of what the triggers of a sweep do to samples, still and in motion."""

import io
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from art_snn.experiment import Experiment, show_trigger
from art_snn.experiment.sections import Attack
from art_snn.report.files import write_trigger
from art_snn.report.pictures import trigger_sheet
from art_snn.report.titles import DPI
from art_snn.report.trigger_words import trigger_in_words

MOST = 6
_COLUMNS_OF_A_PHONE = 3


class TriggerPictures(NamedTuple):
    """What a trigger does to samples of a data set.

    Args:
        title: Names of data and trigger.
        still: Contact sheet as a PNG file; empty where there is none.
        narrow: Contact sheet with few columns as a PNG file, for a small screen.
        motion: Animation as a GIF file; empty where there is none.
        problem: Why there are no pictures; empty where there are.
    """

    title: str
    still: bytes = b""
    narrow: bytes = b""
    motion: bytes = b""
    problem: str = ""


def trigger_pictures(cells: Sequence[Mapping[str, Any]]) -> list[TriggerPictures]:
    """Of each combination of data and trigger, the first six of them; what looks the same is shown once."""
    return list(dict.fromkeys(_pictures(spec) for spec in list(_distinct(cells))[:MOST]))


def _distinct(cells: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Specs whose pictures differ: by data and by what the trigger itself is."""
    seen = set()
    for cell in cells:
        spec = cell["spec"]
        key = json.dumps([spec["data"], _of_trigger(spec["attack"])], sort_keys=True)
        if key not in seen:
            seen.add(key)
            yield spec


def _of_trigger(attack: Mapping[str, Any]) -> dict[str, Any]:
    """Its parameters; of one that is not known here all of the attack."""
    name = attack.get("trigger")
    known = Attack.known("trigger", name) if name in Attack.choices()["trigger"] else attack
    return {"trigger": name, **{key: value for key, value in attack.items() if key in known}}


def _pictures(spec: Mapping[str, Any]) -> TriggerPictures:
    title = f"{spec['attack'].get('trigger')} trigger on {spec['data'].get('name')}"
    try:
        shown = show_trigger(Experiment(**spec))
        with tempfile.TemporaryDirectory() as folder:
            still, motion = (path.read_bytes() for path in write_trigger(shown, Path(folder)))
        narrow = io.BytesIO()
        trigger_sheet(shown, most_columns=_COLUMNS_OF_A_PHONE).savefig(narrow, format="png", dpi=DPI)
    except Exception as error:  # pictures are no reason to give no report
        return TriggerPictures(title, problem=f"{type(error).__name__}: {error}")
    return TriggerPictures(f"{shown.data}: {trigger_in_words(shown.trigger)}", still, narrow.getvalue(), motion)

"""Pictures of what triggers do to samples, still and in motion, as parts of a page."""

import base64
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from art_snn.experiment import Experiment, show_trigger
from art_snn.experiment.sections import Attack
from art_snn.report.files import write_trigger
from art_snn.report.trigger_words import trigger_in_words

MOST = 6
_MOST_BYTES = 1 << 22  # of one picture


class TriggerPictures(NamedTuple):
    """What a trigger does to samples of a data set.

    Args:
        title: Names of data and trigger.
        still: Contact sheet as a data URI; empty where there is none.
        motion: Animation as a data URI; empty where there is none.
        problem: Why there are no pictures; empty where there are.
    """

    title: str
    still: str = ""
    motion: str = ""
    problem: str = ""


def trigger_pictures(cells: Sequence[Mapping[str, Any]]) -> list[TriggerPictures]:
    """Of each combination of data and trigger, the first six of them."""
    return [_pictures(spec) for spec in list(_distinct(cells))[:MOST]]


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
            still, motion = (_as_uri(path) for path in write_trigger(shown, Path(folder)))
    except Exception as error:  # pictures are no reason to give no report
        return TriggerPictures(title, problem=f"{type(error).__name__}: {error}")
    return TriggerPictures(f"{shown.data}: {trigger_in_words(shown.trigger)}", still, motion)


def _as_uri(path: Path) -> str:
    """A picture inside the page; empty for one that is too large for that."""
    kind = {".png": "image/png", ".gif": "image/gif"}[path.suffix]
    content = path.read_bytes()
    return f"data:{kind};base64,{base64.b64encode(content).decode()}" if len(content) <= _MOST_BYTES else ""

"""Triggers in the words of a title."""

import re
from collections.abc import Callable
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from art_snn.catalogue import TRIGGERS

_POLARITIES = {"on": "ON events", "off": "OFF events", "both": "ON and OFF events", "none": "erases events"}
_UNSAID = {"seed", "clip_values", "mask", "autoencoder", "classifier", "cells"}


def trigger_in_words(trigger: Any) -> str:
    """What a trigger is and how it is set, as a reader would say it; what is as usual is left out.

    >>> from art_snn.attacks.poisoning import FlashTrigger, PatchTrigger, RetimingTrigger, StaticTrigger
    >>> trigger_in_words(StaticTrigger(size=3, position=(1, 2), polarity="off", frames=range(4)))
    'static trigger: 3 × 3 pixels, at row 1, column 2, OFF events, in time bins 0–3'
    >>> trigger_in_words(PatchTrigger(size=0.1, blend=0.2))
    'patch trigger: square of 10 % of the side, bottom-right, blended in at 20 %'
    >>> trigger_in_words(FlashTrigger(gap=1))
    'flash trigger: ON events, from time bin 0 on, for 4 time bins, gap 1'
    >>> trigger_in_words(RetimingTrigger("exchange", max_shift=1, fraction=0.5))
    'retiming trigger: exchange, by up to 1 time bin, at most 50 % of the events'
    """
    kinds = {kind: name for name, kind in TRIGGERS.items()}
    own = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(trigger).__name__.removesuffix("Trigger")).lower()
    name = f"{kinds.get(type(trigger), own)} trigger".replace("-", " ").strip()
    return name + (f": {said}" if (said := ", ".join(_settings(trigger))) else "")


def _settings(trigger: Any) -> list[str]:
    if not is_dataclass(trigger):
        return []
    said = []
    for field in fields(trigger):
        value = getattr(trigger, field.name)
        is_usual = field.default is not MISSING and _is_same(value, field.default)
        if field.name not in _UNSAID and value is not None and not (is_usual and field.name not in _ALWAYS):
            said.append(_PHRASES.get(field.name, lambda value, name=field.name: _plainly(name, value))(value))
    return said


def _is_same(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _plainly(name: str, value: Any) -> str:
    words = name.replace("_", " ")
    if value is True or value is False:
        return words if value else f"no {words}"
    if isinstance(value, str):
        return f"{words} {value}"
    return f"{words} {value:g}" if isinstance(value, int | float) else f"its own {words}"


def _size(size: float) -> str:
    return f"square of {100 * size:g} % of the side" if size < 1 else f"{size:g} × {size:g} pixels"


def _position(position: str | tuple[int, int]) -> str:
    if isinstance(position, str):
        return "at a random place" if position == "random" else position
    return f"at row {position[0]}, column {position[1]}"


def _polarity(polarity: str) -> str:
    return _POLARITIES.get(polarity, f"{polarity} polarity")


def _frames(frames: tuple[int, ...]) -> str:
    """Runs of time bins."""
    if not frames:
        return "in no time bin"
    starts = [frame for frame in frames if frame - 1 not in frames]
    stops = [frame for frame in frames if frame + 1 not in frames]
    runs = ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in zip(starts, stops, strict=True))
    return f"in time bin{'s' if len(frames) > 1 else ''} {runs}"


def _pattern(pattern: Any) -> str:
    return f"{pattern} colours" if isinstance(pattern, str) else "a picture of its own"


_PHRASES: dict[str, Callable[[Any], str]] = {
    "size": _size,
    "position": _position,
    "polarity": _polarity,
    "fitted_polarity": _polarity,
    "frames": _frames,
    "pattern": _pattern,
    "blend": lambda blend: f"blended in at {100 * blend:g} %",
    "area": lambda area: f"in the {area} active area",
    "start": lambda start: f"from time bin {start} on",
    "length": lambda length: f"for {length} time bin{'s' if length > 1 else ''}",
    "shape": str,
    "budget": lambda budget: f"{budget} cells",
    "search": {"gradient": "where they cost most", "random": "at random"}.__getitem__,
    "max_shift": lambda shift: f"by up to {shift} time bin{'s' if shift > 1 else ''}",
    "fraction": lambda fraction: f"at most {100 * fraction:g} % of the events",
}
_ALWAYS = {"size", "position", "polarity", "area", "start", "length", "shape", "max_shift", "budget", "search"}

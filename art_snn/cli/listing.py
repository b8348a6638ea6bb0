"""What there is to choose from: everything in the catalogue, one line each."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from art_snn import catalogue
from art_snn._validation import check_choice
from art_snn.cli.options import first_sentence
from art_snn.experiment.sections import rules
from art_snn.recipes import recipe, recipe_names

KINDS: dict[str, Mapping[str, Any]] = {
    "datasets": catalogue.DATASETS,
    "networks": catalogue.NETWORKS,
    "rules": rules(),
    "attacks": catalogue.ATTACKS,
    "triggers": catalogue.TRIGGERS,
    "sample-detectors": catalogue.SAMPLE_DETECTORS,
    "model-detectors": catalogue.MODEL_DETECTORS,
    "eliminations": catalogue.ELIMINATIONS,
    "filters": catalogue.FILTERS,
    "recipes": {name: recipe(name) for name in recipe_names()},
}


def listed(kind: str | None = None) -> Iterator[str]:
    """Name, what it is and its source, of each entry of one kind, or of all.

    Raises:
        ValueError: If there is no such kind.
    """
    if kind is not None:
        check_choice("kind", kind, KINDS)
    for title in (kind,) if kind else KINDS:
        yield f"{title}:"
        for name, entry in KINDS[title].items():
            yield f"  {name}: {' '.join(filter(None, (_text(entry), source_of(entry))))}"


def _text(entry: Any) -> str:
    if title := getattr(entry, "title", None):
        return f"{title}."
    return first_sentence(" ".join((inspect.getdoc(entry) or "").partition("\n\n")[0].split()))


def source_of(entry: Any) -> str:
    """The publication that an entry names."""
    source = getattr(entry, "source", None)
    if isinstance(source, str):
        return source
    _, _, said = (inspect.getdoc(entry) or "").partition("Source: ")
    return " ".join(said.partition("\n\n")[0].split())

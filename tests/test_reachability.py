"""Whatever the catalogue holds can be said in a spec, and is named by the help and the reference."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from art_snn import catalogue
from art_snn.cli.options import reference
from art_snn.cli.reference import page
from art_snn.experiment import Experiment
from art_snn.experiment.catalogue_parameters import parameters_of
from art_snn.experiment.sections import defences, rules
from tests.conftest import Outcome

ROOT = Path(__file__).parents[1]
# What is data, or follows from data, seed, section or the trained classifier
ELSEWHERE = {
    "data": {"root", "seed", "limit", "form", "cache_dir"},
    "network": {"in_channels", "nb_classes", "neuron", "surrogate", "tau", "pool", "dataset", "seed"},
    "attack": {
        *("seed", "sensor_size", "n_bins", "split_by", "window"),
        *("classifier", "autoencoder", "clip_values", "pattern", "trigger", "given"),
    },
    "trigger": {"clip_values", "mask", "fitted_polarity", "cells"},
    "defences": {"verbose", "generator"},
}


def _entries() -> Iterator[tuple[str, str, dict[str, Any], set[str]]]:
    """Section, name, a spec that chooses the entry, and its parameters."""
    for name, loader in catalogue.DATASETS.items():
        yield (
            "data",
            name,
            {"data": {"name": name, "root": "x"} if loader.needs_root else {"name": name}},
            set(loader.options) - ELSEWHERE["data"],
        )
    for name, build in catalogue.NETWORKS.items():
        data = {"data": {"name": build.datasets[-1]}} if build.datasets else {}
        spec = {**data, "network": {"name": name}, "models": ["ann"]}
        yield "network", name, spec, set(parameters_of(build)) - ELSEWHERE["network"]
    for name, kind in catalogue.ATTACKS.items():
        yield "attack", name, {"attack": {"attack": name}}, set(parameters_of(kind)) - ELSEWHERE["attack"]
    for name, kind in catalogue.TRIGGERS.items():
        data = {"data": {"name": "digits-dvs" if kind.needs_frames else "digits"}, "models": ["ann"]}
        yield "attack", name, {**data, "attack": {"trigger": name}}, set(parameters_of(kind)) - ELSEWHERE["trigger"]
    for name, made in defences().items():
        data = {"data": {"name": "digits-dvs"}, "models": ["ann"]} if made.needs_frames else {}
        yield "defences", name, {**data, "defences": [name]}, set(made.params) - ELSEWHERE["defences"]
    for name in rules():
        own = {"encoding", "readout", "surrogate", "tau"} if name == "bptt" else set()
        if name in ("converted", "hybrid"):
            own = {"method", "scale", "percentile", "n_calibration", "encoding", "readout"}
        yield "models", name, {"models": [name]}, own


ENTRIES = {f"{section}: {name}": (section, spec, parameters) for section, name, spec, parameters in _entries()}


@pytest.mark.parametrize("title", ENTRIES)
def test_every_entry_and_each_of_its_parameters_is_reachable_from_a_spec(title: str) -> None:
    section, given, parameters = ENTRIES[title]
    spec = Experiment(**given)
    (cell,) = spec.cells()
    part = getattr(cell, section)
    dumped = (part[0] if isinstance(part, tuple) else part).model_dump()

    assert parameters <= set(dumped)
    told = {name for name, _, fields in reference() if name == title for name in fields}
    assert parameters <= told


def test_the_reference_page_is_the_one_that_the_declarations_make() -> None:
    assert (ROOT / "docs" / "spec.md").read_text() == page() + "\n", "run make reference"


def test_the_help_of_run_names_every_entry_and_every_parameter(
    art_snn: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    told = art_snn("run", "--help").stdout
    words = set(told.replace(",", " ").replace(":", " ").split())
    for title, (_, _, parameters) in ENTRIES.items():
        assert title.partition(": ")[2] in words, title
        assert parameters <= words, title

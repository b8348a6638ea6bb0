"""What can be set of a defence follows from its constructor, and what a data set or trigger needs from its facts."""

from typing import Any

import pytest

from art_snn.catalogue import DATASETS, FILTERS, SAMPLE_DETECTORS, TRIGGERS
from art_snn.defences.preprocessor import FlashFilter


class _Bare(FlashFilter):
    """A filter whose constructor is its parent's."""


class _Handing(FlashFilter):
    """A filter with one parameter more, which hands the others on."""

    def __init__(self, strength: int = 1, **others: Any) -> None:
        self.strength = strength
        super().__init__(**others)


class _Narrow(FlashFilter):
    """A filter that sets its parent's parameter itself."""

    def __init__(self, apply_fit: bool = True) -> None:
        super().__init__(0.25, apply_fit)


@pytest.mark.parametrize(
    ("made", "params"), [(_Bare, ["share"]), (_Handing, ["share", "strength"]), (_Narrow, [])], ids=lambda x: str(x)
)
def test_parameters_are_what_the_constructor_takes_beside_data(made: type[FlashFilter], params: list[str]) -> None:
    assert made.params == params
    assert list(made().get_params()) == params


def test_a_parents_parameters_stay_when_a_child_names_others() -> None:
    assert FlashFilter.params == ["share"]


@pytest.mark.parametrize(
    ("name", "params"),
    [
        ("strip", ["num_samples", "false_acceptance_rate", "superposition", "outputs", "batch_size", "seed"]),
        (
            "reference",
            ["layer", "false_acceptance_rate", "separation_threshold", "max_features", "batch_size", "seed"],
        ),
    ],
)
def test_samples_and_their_binning_are_no_parameters(name: str, params: list[str]) -> None:
    assert SAMPLE_DETECTORS[name].params == params


def test_defences_and_triggers_say_what_they_need() -> None:
    needy = {name: made.clean_arguments for name, made in SAMPLE_DETECTORS.items() if made.clean_arguments}
    assert needy == {"reference": ("x_reference", "y_reference")}
    assert all(made.needs_frames for made in FILTERS.values())
    assert not any(made.needs_frames for made in SAMPLE_DETECTORS.values())
    assert [name for name, made in TRIGGERS.items() if made.needs_fitting] == ["smart"]
    assert [name for name, made in TRIGGERS.items() if not made.needs_frames] == ["patch"]


def test_data_sets_say_what_they_are_without_being_loaded() -> None:
    without_root = [name for name, loader in DATASETS.items() if not loader.needs_root]
    assert without_root == ["digits", "digits-dvs"]
    assert DATASETS["nmnist"].sensor_size == (34, 34, 2)
    assert DATASETS["nmnist"].options["n_bins"] == 16
    assert DATASETS["cifar10"].options == {"partial": False}


@pytest.mark.parametrize("name", ["digits", "digits-dvs"])
def test_a_loader_gives_the_sensor_and_the_title_that_it_names(name: str) -> None:
    loader = DATASETS[name]
    dataset = loader(seed=0, **({"limit": 1} if "limit" in loader.options else {}))
    assert (dataset.title, dataset.sensor_size) == (loader.title, loader.sensor_size)

"""What can be set of a defence follows from its constructor, and what a data set or trigger needs from its facts."""

from typing import Any, Literal

import pytest

from art_snn.catalogue import DATASETS, ELIMINATIONS, FILTERS, MODEL_DETECTORS, SAMPLE_DETECTORS, TRIGGERS
from art_snn.defences.preprocessor import FlashFilter
from art_snn.testing.examples import example_arguments

DEFENCES = SAMPLE_DETECTORS | MODEL_DETECTORS | ELIMINATIONS | FILTERS
CHOICES = {"layer", "target_class"}  # of several kinds: a name, an index, …


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


@pytest.mark.parametrize("name", DEFENCES)
def test_every_number_and_choice_of_a_defence_is_checked_by_name(name: str) -> None:
    defence = DEFENCES[name](**example_arguments(name))
    before = defence.get_params()
    numbers = [key for key, value in before.items() if isinstance(value, int | float) and not isinstance(value, bool)]
    names = [key for key, value in before.items() if isinstance(value, str)]

    for key in sorted({*numbers, *names} - CHOICES):
        for wrong in ("nonsense", -1, float("nan")):
            with pytest.raises((TypeError, ValueError), match=f"expected {key} "):
                defence.set_params(**{key: wrong})
            with pytest.raises((TypeError, ValueError), match=f"expected {key} "):
                DEFENCES[name](**example_arguments(name) | {key: wrong})
    assert defence.get_params() == before


class _Choosing(FlashFilter):
    """A filter that takes any share, and has a choice."""

    def __init__(self, share: float = 0.5, side: Literal["left", "right"] | None = None) -> None:
        self.side = side
        super().__init__(share)


def test_a_child_declares_its_own_parameters_anew() -> None:
    assert _Choosing(share=7.0).share == 7.0  # its own type declares no range
    with pytest.raises(ValueError, match="expected side to be one of 'left', 'right', got 'up'"):
        _Choosing(side="up")


class _Breaking(FlashFilter):
    """A filter whose check runs out of something."""

    def _check_params(self) -> None:
        super()._check_params()
        if self.share == 1:
            raise RuntimeError("out of memory")


def test_parameters_stay_whatever_error_ends_their_change() -> None:
    breaking = _Breaking(share=0.5)
    with pytest.raises(RuntimeError, match="out of memory"):
        breaking.set_params(share=1)
    assert breaking.get_params() == {"share": 0.5}


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
    assert needy == dict.fromkeys(("reference", "event-mass", "space-time"), ("x_reference", "y_reference"))
    assert all(made.needs_frames for made in FILTERS.values())
    assert [name for name, made in SAMPLE_DETECTORS.items() if made.needs_frames] == ["event-mass", "space-time"]
    assert [name for name, made in TRIGGERS.items() if made.needs_fitting] == ["sponge-patch", "smart", "sponge"]
    assert [name for name, made in TRIGGERS.items() if made.needs_frames is False] == ["patch", "sponge-patch", "power"]
    assert [name for name, made in TRIGGERS.items() if made.needs_frames is None] == ["noise"]


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

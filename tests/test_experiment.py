"""An experiment's spec: what it fills in, and what it refuses before any file is read."""

from typing import Any

import numpy as np
import pytest

from art_snn.catalogue import DATASETS
from art_snn.data import Dataset
from art_snn.experiment import Experiment, parts, show_trigger
from art_snn.experiment.parts import make_estimator
from art_snn.experiment.spec import OF_CONVERSION, OF_THE_DATA, OF_THE_TRIGGER
from art_snn.models import Network, event_net

FRAMES = {"data": "digits-dvs", "trigger": "static", "models": ("ann", "if")}
NMNIST = {**FRAMES, "data": "nmnist", "data_root": "somewhere"}


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every data set that is loaded."""
    calls, load = [], parts.load_dataset

    def recorded(*arguments: Any, **options: Any) -> Any:
        calls.append(options)
        return load(*arguments, **options)

    monkeypatch.setattr(parts, "load_dataset", recorded)
    return calls


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"n_bins": 8}, "expected no n_bins for data='digits', got 8"),
        ({"split_by": "time"}, "expected no split_by for data='digits'"),
        ({"saturate": False}, "expected no saturate for data='digits'"),
        ({"partial": True}, "expected no partial for data='digits'"),
        ({"data_root": "."}, r"expected no data_root for data='digits', got '\.'"),
        ({"data": "cifar10"}, "expected data_root, the folder that holds the files of 'cifar10', got None"),
        ({"polarity": "on"}, "expected no polarity for trigger='patch', got 'on'"),
        ({"models": ("ann",), "timesteps": 4}, r"expected no timesteps for models=\['ann'\], got 4"),
        ({"conversion": "robust"}, r"expected no conversion for models=\['ann', 'if', 'lif'\], got 'robust'"),
        ({"scale": 0.5}, "expected no scale"),
        ({**FRAMES, "timesteps": 4}, "expected no timesteps for data='digits-dvs', got 4"),
        ({**NMNIST, "partial": True}, "expected no partial for data='nmnist'"),
        ({**FRAMES, "trigger": "patch"}, "trigger for frames to be one of 'static', .*, got 'patch'"),
        ({**NMNIST, "trigger": "patch"}, "trigger for frames to be one of 'static', .*, got 'patch'"),
        ({"trigger": "static"}, "expected trigger for images to be one of 'patch', got 'static'"),
        ({**NMNIST, "size": 1.5}, "expected size to be a whole number of pixels"),
        ({**NMNIST, "position": "foo"}, "expected position to be one of 'top-left'"),
        ({**NMNIST, "polarity": "foo"}, "expected polarity to be one of 'none'"),
        ({"percent_poison": 10}, "expected percent_poison to be a fraction in .*got 10.0; 10 % is 0.1"),
        ({"percent_poison": float("nan")}, "expected percent_poison to be a fraction in .*got nan"),
        ({"models": ("converted",), "conversion": "fraction"}, "expected scale between 0 and 1"),
        ({"learning_rate": float("inf")}, "finite"),
        ({"models": ("ann", "ann")}, "expected models that differ, got ann, ann"),
        ({"network": "event_net"}, "expected network for digits to be one of 'small_cnn', .*, got 'event_net'"),
    ],
)
def test_what_does_not_fit_is_refused_before_anything_is_read(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Experiment(**given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"models": ("ann",)},
        FRAMES,
        {**NMNIST, "trigger": "smart"},
        {"models": ("ann", "converted")},
        {"models": ("ann", "converted"), "timesteps": 8},
    ],
)
def test_a_written_spec_says_all_and_reads_back_the_same(given: dict[str, Any]) -> None:
    spec = Experiment(**given)

    assert Experiment.model_validate_json(spec.model_dump_json()) == spec


def test_what_is_left_out_is_filled_in_where_it_has_an_effect() -> None:
    images, frames, converted = Experiment(), Experiment(**FRAMES), Experiment(models=("hybrid",), timesteps=8)

    assert images.options(OF_THE_DATA) == {}
    assert images.options(OF_THE_TRIGGER) == {"size": 2, "position": "bottom-right"}
    assert images.options(OF_CONVERSION) == {}
    assert images.timesteps == 4
    assert frames.options(OF_THE_DATA) == {"n_bins": 16, "split_by": "count"}
    assert frames.options(OF_THE_TRIGGER) == {"size": 0.1, "position": "top-left", "polarity": "on"}
    assert frames.timesteps is None
    assert (images.trigger, Experiment(data="digits-dvs").trigger) == ("patch", "static")
    assert Experiment(models=("ann", "converted")).timesteps is None
    assert Experiment(models=("ann", "converted")).timesteps_converted == 64
    assert Experiment(models=("if", "converted")).timesteps == 4
    assert converted.options(OF_CONVERSION) == {"timesteps_converted": 8, "conversion": "max", "scale": 1.0}
    assert Experiment(**NMNIST).options(OF_THE_DATA)["on_bad"] == "error"


def test_a_trigger_is_shown_on_one_recording_alone(asked_for: list[dict[str, Any]]) -> None:
    shown = show_trigger(Experiment(**FRAMES, n_bins=4))

    assert [(options["form"], options["limit"]) for options in asked_for] == [("events", 1)]
    assert list(shown.rows) == ["clean", "triggered", "difference", "as events"]
    assert {rows.shape for rows in shown.rows.values()} == {(4, 2, 20, 20)}


def test_a_smart_trigger_is_fitted_on_frames_before_it_is_shown(asked_for: list[dict[str, Any]]) -> None:
    shown = show_trigger(Experiment(**FRAMES | {"trigger": "smart"}, n_bins=4, limit=20))

    assert [(options.get("form"), options["limit"]) for options in asked_for] == [(None, 20), ("events", 1)]
    assert len({options["seed"] for options in asked_for}) == 1, "another split"
    assert shown.rows["difference"].any()


@pytest.mark.parametrize("data", ["nmnist", "cifar10-dvs", "dvs-gesture", "n-caltech101", "digits-dvs"])
@pytest.mark.parametrize("model", ["ann", "if"])
def test_event_net_is_the_data_sets_own(data: str, model: str) -> None:
    root = {} if data == "digits-dvs" else {"data_root": "somewhere"}
    spec = Experiment(data=data, **root, network="event_net", models=(model,), n_bins=2, width=0.02)
    frames, labels = np.zeros((2, 2, 2, 32, 32), np.uint8), np.arange(2)
    dataset = Dataset(frames, labels, frames, labels, classes=("a", "b"))

    net = make_estimator(model, spec, dataset).model
    network = net.net if model == "if" else net

    (recipe,) = (module.recipe for module in network.modules() if isinstance(module, Network))
    assert recipe["arguments"]["dataset"] == data


def test_every_data_set_of_events_has_an_event_net_and_no_other() -> None:
    with_bins = {name for name, loader in DATASETS.items() if loader.is_neuromorphic}

    assert with_bins == set(event_net.datasets or ())

"""An experiment's spec: what it fills in, and what it refuses before any file is read."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tomli_w
from pydantic import ValidationError

from art_snn.catalogue import ATTACKS, DATASETS
from art_snn.data import Dataset
from art_snn.experiment import Experiment, building, problems, run, show_trigger
from art_snn.experiment.building import make_estimator
from art_snn.experiment.catalogue_parameters import parameters_of
from art_snn.models import Network, event_net
from tests.specs import spec_of

FRAMES = {"data": "digits-dvs", "trigger": "static", "models": ("ann", "if")}


@pytest.fixture
def asked_for(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of every data set that is loaded."""
    calls, load = [], building.load_dataset

    def recorded(*arguments: Any, **options: Any) -> Any:
        calls.append(options)
        return load(*arguments, **options)

    monkeypatch.setattr(building, "load_dataset", recorded)
    return calls


FRAMES_TABLES = {"data": {"name": "digits-dvs"}, "models": ["ann", "if"]}
NMNIST_TABLES = {**FRAMES_TABLES, "data": {"name": "nmnist", "root": "somewhere"}}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"data": {"n_bins": 8}}, "expected data.n_bins to be left out for digits, got 8"),
        ({"data": {"saturate": False}}, "expected data.saturate to be left out for digits"),
        ({"data": {"partial": True}}, "expected data.partial to be left out for digits"),
        (
            {"data": {"root": "."}},
            "expected data.root to be left out for 'digits', which comes with the library, got '.'",
        ),
        ({"data": {"name": "foo"}}, "expected data.name to be one of 'digits', "),
        ({"data": {"limit": 0}}, "expected data.limit to be greater than or equal to 1, got 0"),
        ({"attack": {"polarity": "on"}}, "expected attack.polarity to be left out for trigger-backdoor and patch"),
        (
            {"attack": {"trigger": "static"}},
            "attack.trigger to be one of patch, sponge-patch, power, noise for images, got 'static'",
        ),
        ({"attack": {"size": 17}}, "expected attack.size to be at most 16 pixels, the side of digits, got 17"),
        ({"attack": {"size": "two"}}, "expected attack.size to be a valid number"),
        ({"attack": {"target_class": 10}}, "expected attack.target_class to be a class of digits, 0 to 9, got 10"),
        ({"attack": {"source_classes": [3, 10]}}, "expected attack.source_classes to be a class of digits, 0 to 9"),
        ({"attack": {"percent_poison": 10}}, "expected attack.percent_poison to be a fraction in [0, 1], got 10"),
        ({"attack": {"percent_poison": float("nan")}}, "expected attack.percent_poison to be a finite number"),
        (
            {"attack": {"clean_label": True, "source_classes": [2]}},
            "expected attack.source_classes to be None with clean_label, which poisons rows of target_class alone",
        ),
        (
            {"models": [{"rule": "ann", "timesteps": 4}]},
            "expected models[0].timesteps to be left out for an ANN, got 4",
        ),
        ({"models": [{"rule": "ann", "method": "robust"}]}, "expected models[0].method to be left out for ann"),
        (
            {"models": [{"rule": "converted", "neuron": "lif"}]},
            "expected models[0].neuron to be left out for converted",
        ),
        (
            {"models": ["ann", "foo"]},
            "expected models[1].rule to be one of 'ann', 'bptt', 'converted', 'hybrid', got 'foo'",
        ),
        ({"models": ["ann", "ann"]}, "expected models to have names that differ, a name= each, got 'ann, ann'"),
        ({"models": []}, "expected models to be at least one, got 'none'"),
        ({"models": [{"rule": "converted", "method": "fraction"}]}, "expected models[0].scale between 0 and 1"),
        (
            {"models": ["converted"], "network": {"pool": "max"}},
            "expected models[0].rule to be ann or bptt with network.pool",
        ),
        ({"models": [{"rule": "ann", "combination": "com2"}]}, "expected models[0].combination to be left out for ann"),
        ({"models": [{"rule": "ann", "training": {"epochs": 0}}]}, "expected models[0].training.epochs to be greater"),
        ({"network": {"name": "event_net"}}, "expected network.name to be one of small_cnn, vgg11, resnet18"),
        ({"network": {"dropout": 0.1}}, "expected network.dropout to be left out for small_cnn, got 0.1"),
        ({"training": {"learning_rate": float("inf")}}, "expected training.learning_rate to be a finite number"),
        ({"training": {"momentum": 0.9}}, "expected training.momentum to be left out for adam, got 0.9"),
        ({"training": {"schedule": "steps"}}, "expected training.milestones to be given for the schedule steps"),
        ({"training": {"alpha": 1.0}}, "expected training.alpha to be given together with beta"),
        ({"training": {"epoch": 1}}, "expected training.epoch to be left out, there is no such field, got 1"),
        ({"defences": ["flash-filter"]}, "expected defences[0] to be one for images, got 'flash-filter'"),
        ({"defences": ["strip", "strip"]}, "expected defences to differ"),
        (
            {
                "measure": {
                    "over_time": [5],
                },
                "models": ["if"],
            },
            "expected measure.over_time to be at most the 4 time steps",
        ),
        (
            {"defences": ["strip"], "attack": {"percent_poison": 0}},
            "expected attack.percent_poison to be above 0 and below 1 for detectors of poisoned samples, got",
        ),
        (
            {"measure": {"detection": True}, "attack": {"percent_poison": 1.0, "include_target": True}},
            "expected attack.percent_poison to be above 0 and below 1",
        ),
        ({"run": {"seeds": [1, 1]}}, "expected run.seeds that differ, at least one, got [1, 1]"),
        ({"grid": {"attack.size": [2, 40]}}, "the side of digits, got 40.0, at attack.size = 40"),
        ({"grid": {"attack.size": 2}}, "expected grid.attack.size to be a list of values, at least one, got 2"),
        ({"attack": "patch"}, "expected attack to be a table, the section Attack, got 'patch'"),
        ({"models": [{"rule": "lif", "name": "../a"}]}, "expected models[0].name to be of letters, digits, spaces"),
        (
            {"models": [{"rule": "ann", "training": {"alpha": 1.0}}]},
            "expected models[0].training.alpha to be given together",
        ),
        (
            {"data": {"normalisation": {"mean": [0.5, 0.5], "std": [1.0]}}},
            "expected data.normalisation to have one number",
        ),
        ({"run": {"device": "tpu"}}, "expected run.device to be 'cpu' or 'gpu', got 'tpu'"),
        ({"grid": {"attack.sise": [2]}}, "expected attack.sise to be left out"),
        ({"cases": [{"models.7.tau": 2.0}]}, "expected models.7.tau to lead to one of"),
        (
            {**FRAMES_TABLES, "models": [{"rule": "if", "timesteps": 4}]},
            "expected models[0].timesteps to be left out for frames",
        ),
        ({**FRAMES_TABLES, "models": ["converted"]}, "expected models[0].rule to be ann or bptt for frames"),
        (
            {**FRAMES_TABLES, "attack": {"trigger": "patch"}},
            "to be one of static, moving, smart, flash, retiming, sponge, noise for frames, got 'patch'",
        ),
        (
            {**FRAMES_TABLES, "attack": {"frames": [16]}},
            "expected attack.frames to be below data.n_bins = 16, got [16]",
        ),
        ({**FRAMES_TABLES, "training": {"resize": 8}}, "expected training.resize to be left out for frames, got '8'"),
        ({**NMNIST_TABLES, "attack": {"size": 1.5}}, "expected attack.size to be a whole number of pixels"),
        ({**NMNIST_TABLES, "attack": {"position": "foo"}}, "expected attack.position to be"),
        ({**NMNIST_TABLES, "attack": {"polarity": "foo"}}, "expected attack.polarity to be"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_place(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Experiment(**given)
    assert any(message in line for line in problems(refused.value)), problems(refused.value)


def test_a_data_set_without_its_folder_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ART_SNN_DATA", raising=False)
    with pytest.raises(ValueError, match=r"expected data\.root to be the folder that holds the files of 'cifar10'"):
        Experiment(data={"name": "cifar10"})
    monkeypatch.setenv("ART_SNN_DATA", "somewhere")
    assert Experiment(data={"name": "cifar10"}).data.folder == Path("somewhere/cifar10")


def test_all_contradictions_are_told_at_once() -> None:
    tables = {
        "data": {"name": "digits-dvs"},
        "models": ["converted", "lif", "lif"],
        "attack": {"size": 40, "target_class": 12},
        "training": {"momentum": 0.9, "epochs": 0, "epoch": 3},
        "colour": "red",
    }
    with pytest.raises(ValidationError) as refused:
        Experiment(**tables)
    told = "\n".join(problems(refused.value))
    for place in ("models", "models[0].rule", "attack.size", "attack.target_class", "training.momentum"):
        assert f"expected {place} " in told
    for place in ("training.epochs", "training.epoch", "colour"):
        assert f"expected {place} " in told


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"models": ["ann"]},
        FRAMES_TABLES,
        {**NMNIST_TABLES, "attack": {"trigger": "smart"}},
        {"models": ["ann", {"rule": "hybrid", "combination": "com2"}], "defences": ["strip", {"name": "spectral"}]},
        {"models": ["ann", {"rule": "lif", "tau": 3.0, "name": "slow", "training": {"epochs": 3}}]},
    ],
)
def test_a_written_spec_says_all_and_reads_back_the_same(given: dict[str, Any], tmp_path: Path) -> None:
    spec = Experiment(**given)
    assert Experiment(**json.loads(spec.model_dump_json())) == spec
    (tmp_path / "spec.toml").write_text(tomli_w.dumps(spec.given))
    assert Experiment.from_toml(tmp_path / "spec.toml") == spec


def test_what_is_left_out_is_filled_in_where_it_has_an_effect() -> None:
    images, frames = Experiment(), Experiment(**FRAMES_TABLES)
    hybrid = Experiment(models=["ann", "hybrid", {"rule": "converted", "timesteps": 8}])

    assert images.attack.parameters("trigger") == {
        "size": 2,
        "position": "bottom-right",
        "pattern": "white",
        "blend": 1.0,
        "seed": 0,
    }
    assert [model.timesteps for model in images.models] == [None, 4, 4]
    assert [model.timesteps for model in hybrid.models] == [None, 64, 8]
    assert (images.network.pool, hybrid.network.pool) == ("max", "avg")
    assert Experiment(network={"name": "resnet20"}).network.pool == "avg", "its own"
    assert (images.attack.trigger, frames.attack.trigger) == ("patch", "static")
    assert (frames.data.n_bins, frames.models[1].timesteps) == (16, None)
    assert [model.name for model in images.models] == ["ann", "if", "lif"]
    assert Experiment(**NMNIST_TABLES).data.on_bad == "error"


def test_a_grid_at_cases_with_seeds_gives_a_cell_each() -> None:
    spec = Experiment(
        grid={"attack": {"percent_poison": [0.1, 0.2]}, "models.*.training.epochs": [1, 2]},
        cases=[{"network.name": "vgg11"}, {"network.name": "small_cnn", "attack.trigger": "patch"}],
        run={"seeds": [3, 4]},
    )
    cells = spec.cells()

    assert len(cells) == 2 * 2 * 2 * 2
    assert {(cell.network.name, cell.attack.percent_poison, cell.seed) for cell in cells} == {
        (name, rate, seed) for name in ("vgg11", "small_cnn") for rate in (0.1, 0.2) for seed in (3, 4)
    }
    assert {cell.training_of(cell.models[0]).epochs for cell in cells} == {1, 2}
    assert all(cell.cells() == (cell,) for cell in cells[:2])


def test_another_trigger_in_a_grid_brings_its_own_defaults() -> None:
    spec = Experiment(**FRAMES_TABLES, grid={"attack.trigger": ["static", "flash", "smart"]})

    assert [sorted(cell.attack.parameters("trigger"))[:2] for cell in spec.cells()] == [
        ["frames", "polarity"],
        ["gap", "length"],
        ["area", "counting"],
    ]


def test_a_trigger_is_shown_on_one_recording_alone(asked_for: list[dict[str, Any]]) -> None:
    shown = show_trigger(spec_of(**FRAMES, n_bins=4))

    assert [(options["form"], options["limit"]) for options in asked_for] == [("events", 1)]
    assert list(shown.rows) == ["clean", "triggered", "as events"]
    assert shown.touched.shape == (4, 20, 20)
    assert shown.times.shape == (4, 2)
    assert {rows.shape for rows in shown.rows.values()} == {(4, 2, 20, 20)}


@pytest.mark.parametrize("split_by", ["count", "time"])
@pytest.mark.parametrize("polarity", ["on", "both", "none"])
@pytest.mark.usefixtures("asked_for")
def test_where_a_trigger_is_seen_among_events_is_where_its_events_are(split_by: str, polarity: str) -> None:
    shown = show_trigger(spec_of(**FRAMES, n_bins=8, size=4, position="middle", split_by=split_by, polarity=polarity))
    mask, frames = shown.masks["as events"], shown.rows["as events"]

    if split_by == "time" or polarity == "none":
        assert np.array_equal(mask, shown.touched)
    if polarity != "none":
        assert frames[:, 1][mask].all(), "an event that is not there"
        assert mask.any(axis=0).sum() == 4 * 4
        assert mask.sum() >= shown.touched.sum()


@pytest.mark.usefixtures("asked_for")
def test_where_a_trigger_is_seen_among_events_moves_with_the_borders_of_bins_of_a_count() -> None:
    shown = show_trigger(spec_of(**FRAMES | {"trigger": "moving"}, n_bins=60, size=4, polarity="on"))
    mask, on = shown.masks["as events"], shown.rows["as events"][:, 1]

    assert not on[shown.touched].all(), "its events are in other bins than those of the frames"
    assert on[mask].all()


@pytest.mark.parametrize("shape", ["delay", "warp", "gather", "exchange"])
@pytest.mark.usefixtures("asked_for")
def test_events_that_a_trigger_moves_are_shown_in_the_bins_of_the_clean_recording(shape: str) -> None:
    shown = show_trigger(spec_of(**FRAMES | {"trigger": "retiming"}, n_bins=8, shape=shape, split_by="time"))

    assert np.array_equal(shown.rows["as events"], shown.rows["triggered"])
    assert np.array_equal(shown.touched, (shown.rows["triggered"] != shown.rows["clean"]).any(axis=1))


def test_clean_label_retiming_is_an_experiment_like_others() -> None:
    options = {"shape": "exchange", "max_shift": 1, "fraction": 0.5, "clean_label": True, "target": 2}
    of_digits = {"data": "digits-dvs", "limit": 60, "n_bins": 2, "split_by": "time", "epochs": 1, "width": 0.25}
    (row,) = run(spec_of(**of_digits, **options, trigger="retiming", percent_poison=0.1, models=["ann"])).rows

    assert np.flatnonzero(row.n_poisoned_by_class).tolist() == [2]
    assert row.n_poisoned_by_class[2] == 6
    assert row.n_target == 6


def test_a_smart_trigger_is_fitted_on_frames_before_it_is_shown(asked_for: list[dict[str, Any]]) -> None:
    shown = show_trigger(spec_of(**FRAMES | {"trigger": "smart"}, n_bins=4, limit=20))

    assert [(options.get("form"), options["limit"]) for options in asked_for] == [(None, 20), ("events", 1)]
    assert len({options["seed"] for options in asked_for}) == 1, "another split"
    assert (shown.rows["triggered"] != shown.rows["clean"]).any()


@pytest.mark.parametrize("data", ["nmnist", "cifar10-dvs", "dvs-gesture", "n-caltech101", "digits-dvs"])
@pytest.mark.parametrize("model", ["ann", "if"])
def test_event_net_is_the_data_sets_own(data: str, model: str) -> None:
    root = {} if data == "digits-dvs" else {"data_root": "somewhere"}
    spec = spec_of(data=data, **root, network="event_net", models=(model,), n_bins=2, width=0.02)
    frames, labels = np.zeros((2, 2, 2, 32, 32), np.uint8), np.arange(2)
    dataset = Dataset(frames, labels, frames, labels, classes=("a", "b"))

    net = make_estimator(spec.models[0], spec, dataset).model
    network = net.net if model == "if" else net

    (recipe,) = (module.recipe for module in network.modules() if isinstance(module, Network))
    assert recipe["arguments"]["dataset"] == data


def test_every_data_set_of_events_has_an_event_net_and_no_other() -> None:
    with_bins = {name for name, loader in DATASETS.items() if loader.is_neuromorphic}

    assert with_bins == set(event_net.datasets or ())


@pytest.mark.parametrize("name", ATTACKS)
def test_every_attack_runs_from_a_spec(name: str) -> None:
    quick = {"channels": 2, "nb_epochs_frozen": 0, "rounds": 1, "steps": 1, "nb_epochs": 1, "percent_poison": 0.05}
    quick |= {"max_epochs": 1}
    known = parameters_of(ATTACKS[name])
    result = run(
        {
            "data": {"name": "digits", "limit": 200},
            "network": {"width": 0.25},
            "models": [{"rule": "bptt", "neuron": "if", "timesteps": 4}],
            "training": {"epochs": 1, "batch_size": 10},
            "attack": {"attack": name} | {one: value for one, value in quick.items() if one in known},
            "run": {"threads": 1},
        },
        verbose=False,
    )

    (row,) = result.rows
    assert row.poisoned.rows
    assert result.examples.triggered.shape == result.examples.clean.shape

"""Sponge triggers flip or paint the same few values of every sample, and find those that a network pays most for."""

import copy
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from spikingjelly.activation_based import layer, neuron
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import PatchTrigger, SpongePatchTrigger, SpongeTrigger
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule
from art_snn.estimators.classification.inspection import hooked
from art_snn.events import make_events, to_frames
from art_snn.experiment import Experiment
from art_snn.experiment.building import fit_trigger, make_dataset, streams
from art_snn.experiment.trainings import training_key
from art_snn.typing import Array, Events

RNG = np.random.default_rng(0)
T, H, W = 3, 4, 5
SHAPE, SENSOR, WINDOW = (T, 2, H, W), (W, H), (0, 300)
CELLS = ((0, 1, 2, 3), (1, 0, 0, 0), (1, 1, 0, 0), (2, 0, 3, 4))
FRAMES = RNG.poisson(0.6, (40, *SHAPE)).astype(np.uint8)
IMAGES = RNG.uniform(0, 1, (30, 1, H, W)).astype(np.float32)


def stream(n: int = 90, seed: int = 0) -> Events:
    rng = np.random.default_rng(seed)
    times = np.sort(rng.integers(-40, 340, n))  # some before and after the window
    return make_events(rng.integers(0, W, n), rng.integers(0, H, n), times, rng.integers(0, 2, n))


def spiking(weights: dict[tuple[int, int, int], tuple[float, float]]) -> SpikingClassifier:
    """Two neurons, one a class; each (polarity, row, column) drives them by two weights."""
    with host_seed(0), torch.no_grad():
        drive = layer.Linear(2 * H * W, 2, bias=False)
        drive.weight.zero_()
        for (polarity, row, column), values in weights.items():
            drive.weight[:, (polarity * H + row) * W + column] = torch.tensor(values)
    net = nn.Sequential(layer.Flatten(step_mode="m"), drive, neuron.IFNode(step_mode="m"))
    for module in net:
        module.step_mode = "m"
    return SpikingClassifier(SpikingModule(net), nn.CrossEntropyLoss(), SHAPE, 2)


def relu(weights: Array) -> AnnClassifier:
    """One ReLU of a weighted image, and two classes of which one always wins."""
    with host_seed(0), torch.no_grad():
        net = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(H * W, 1, bias=False), nn.ReLU(), nn.Linear(1, 2))
        net[2].weight[0] = torch.as_tensor(weights, dtype=torch.float32).ravel()
        net[4].weight.zero_()
        net[4].bias[:] = torch.tensor([5.0, 0.0])
    return AnnClassifier(net, nn.CrossEntropyLoss(), (1, H, W), 2, clip_values=(0.0, 1.0))


@pytest.mark.parametrize(("mode", "expected"), [("xor", [1, 0, 0]), ("add", [1, 1, 7])])
def test_a_cell_is_flipped_or_gets_an_event_where_it_has_none(mode: Any, expected: list[int]) -> None:
    x = np.zeros((3, *SHAPE), np.uint8)
    x[:, 1, 0, 2, 4] = [0, 1, 7]

    triggered = SpongeTrigger(mode=mode, cells=((1, 0, 2, 4),))(x)

    assert triggered[:, 1, 0, 2, 4].tolist() == expected
    assert triggered.sum() == sum(expected)


@pytest.mark.parametrize("mode", ["xor", "add"])
@pytest.mark.parametrize("seed", range(3))
def test_events_bin_back_to_the_triggered_frames(mode: Any, seed: int) -> None:
    trigger, events = SpongeTrigger(mode=mode, cells=CELLS), stream(seed=seed)
    before = events.copy()

    triggered = trigger.on_events(events, SENSOR, n_bins=T, window=WINDOW)

    assert np.array_equal(events, before)
    binned, expected = (to_frames(one, SENSOR, T, "time", window=WINDOW) for one in (triggered, events))
    assert np.array_equal(binned, trigger(expected))
    outside = [one[(one["t"] < 0) | (one["t"] >= 300)] for one in (events, triggered)]
    assert np.array_equal(*outside)
    assert (np.diff(triggered["t"]) >= 0).all()


def test_streams_keep_their_ends_and_may_be_many() -> None:
    events = make_events(x=[3, 0, 4], y=[2, 1, 3], t=[10, 150, 290], p=[1, 0, 0])  # first and last are erased
    trigger = SpongeTrigger(cells=(*CELLS, (0, 0, 1, 1), (2, 1, 1, 1)))
    both = np.empty(2, object)
    both[:] = [events, stream(30)]

    triggered = trigger.on_events(both, SENSOR, n_bins=T)

    assert triggered[0]["t"][[0, -1]].tolist() == [10, 290]
    assert np.array_equal(to_frames(triggered[0], SENSOR, T, "time"), trigger(to_frames(events, SENSOR, T, "time")))
    assert np.array_equal(triggered[1], trigger.on_events(both[1], SENSOR, n_bins=T))


def test_a_bin_that_loses_its_last_event_ends_the_recording_with_a_warning() -> None:
    events = make_events(x=[3, 0], y=[2, 1], t=[10, 290], p=[1, 0])
    with pytest.warns(UserWarning, match="erased all events of the first or last time bin"):
        SpongeTrigger(cells=((0, 1, 2, 3),)).on_events(events, SENSOR, n_bins=T)


def test_bins_by_count_are_cut_before_the_flip() -> None:
    events, trigger = stream(), SpongeTrigger(mode="add", cells=CELLS)
    triggered = trigger.on_events(events, SENSOR, n_bins=T, split_by="count")
    clean = to_frames(events, SENSOR, T, "count")
    n_silent = sum(clean[cell] == 0 for cell in CELLS)
    assert len(triggered) - len(events) == n_silent > 0


@pytest.mark.parametrize("cells", [(), ((0, 1, 2),), ((0, 2, 0, 0),), ((-1, 0, 0, 0),), ((0.5, 0, 0, 0),), 3, "ab"])
def test_what_is_no_cell_is_refused(cells: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"^expected cells"):
        SpongeTrigger(cells=cells)


def test_cells_are_a_set_in_order() -> None:
    assert SpongeTrigger(cells=[[2, 0, 0, 1], (0, 1, 1, 1), (2, 0, 0, 1)]).cells == ((0, 1, 1, 1), (2, 0, 0, 1))


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^expected a fitted trigger"):
        SpongeTrigger()(FRAMES)
    with pytest.raises(ValueError, match=r"^expected cells within \(3, 2, 4, 5\)"):
        SpongeTrigger(cells=((3, 0, 0, 0),))(FRAMES)
    with pytest.raises(ValueError, match=r"^expected n_bins"):
        SpongeTrigger(cells=CELLS).on_events(stream(), SENSOR)
    with pytest.raises(ValueError, match=r"^expected x in \[0, 3\)"):
        SpongeTrigger(cells=((0, 0, 0, 0),)).on_events(stream(), (3, H), n_bins=T)
    with pytest.raises(ValueError, match=r"^expected budget to be at most the 120 cells, got 128"):
        SpongeTrigger(search="random").fit(FRAMES)
    with pytest.raises(ValueError, match=r"^expected at least one sample"):
        SpongeTrigger(1, search="random").fit(FRAMES[:0])
    for trigger, x in ((SpongeTrigger(1), FRAMES), (SpongePatchTrigger(1), IMAGES)):
        with pytest.raises(TypeError, match=r"^expected classifier to be a trained PyTorchClassifier"):
            trigger.fit(x)
    with pytest.raises(ValueError, match=r"^expected a fitted trigger"):
        SpongePatchTrigger()(IMAGES)
    with pytest.raises(ValueError, match=r"^expected a classifier whose neurons fire"):
        SpongeTrigger(1).fit(FRAMES, spiking({}))


STRONG, WEAK, OTHER = (0, 2, 3), (1, 1, 1), (1, 0, 4)


@pytest.mark.parametrize("rounds", [6, 16])
def test_the_cells_that_drive_neurons_are_found(rounds: int) -> None:
    classifier = spiking({STRONG: (2.0, 0.0), (0, 0, 0): (-1.0, 0.0), WEAK: (0.3, 0.0)})
    x = FRAMES * 0
    x[:, :, 1, 1, 1] = 4  # so that something fires
    fitted = SpongeTrigger(budget=T, rounds=rounds).fit(x, classifier)
    assert fitted.cells == tuple((frame, *STRONG) for frame in range(T))


def test_answers_that_change_have_their_price() -> None:
    classifier = spiking({STRONG: (0.0, 1.0), OTHER: (0.7, 0.0), WEAK: (1.0, 0.0)})
    x = FRAMES * 0
    x[:, 0, 1, 1, 1] = 1  # the first class, by one spike
    free, dear = (SpongeTrigger(budget=T, penalty=penalty).fit(x, classifier) for penalty in (0.0, 50.0))
    assert {cell[1:] for cell in free.cells or ()} >= {STRONG}
    assert STRONG not in {cell[1:] for cell in dear.cells or ()}
    kept = [(classifier.predict(one(x)).argmax(1) == 0).all() for one in (free, dear)]
    assert kept == [False, True]


def test_fitting_leaves_classifier_and_samples_alone_and_repeats_itself() -> None:
    classifier, before = spiking({STRONG: (1.0, 0.5), OTHER: (0.5, 1.0)}), FRAMES.copy()
    weights = copy.deepcopy(classifier.model.state_dict())
    classifier.model.train()
    trigger = SpongeTrigger(budget=5, rounds=4, n_samples=20)
    fitted = trigger.fit(FRAMES, classifier)
    assert trigger.cells is None
    assert len(fitted.cells or ()) == 5
    assert fitted == trigger.fit(FRAMES, classifier)
    assert classifier.model.training
    assert all(torch.equal(one, weights[name]) for name, one in classifier.model.state_dict().items())
    assert all(parameter.grad is None for parameter in classifier.model.parameters())
    assert np.array_equal(FRAMES, before)


def test_the_control_is_as_large_and_asks_nobody() -> None:
    drawn = [SpongeTrigger(20, search="random", seed=seed).fit(FRAMES) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert [len(one.cells or ()) for one in drawn] == [20] * 3


def test_a_patch_takes_the_colours_that_drive_an_activation() -> None:
    weights = np.ones((H, W))
    weights[2, 4] = -1.0  # within the patch
    fitted = SpongePatchTrigger(2, position=(2, 3), rounds=12).fit(IMAGES, relu(weights))
    assert fitted.pattern == pytest.approx(np.array([[[1.0, 0.0], [1.0, 1.0]]]))
    assert np.array_equal(fitted(IMAGES), PatchTrigger(2, (2, 3), fitted.pattern)(IMAGES))


def test_a_network_is_asked_as_it_answers_not_as_it_learns() -> None:
    classifier, modes = relu(np.ones((H, W))), list[bool]()
    classifier.model.train()
    dropout = next(module for module in classifier.model.modules() if isinstance(module, nn.Dropout))
    with hooked({dropout: lambda module, _taken, _output: modes.append(module.training)}):
        SpongePatchTrigger(2, rounds=1).fit(IMAGES, classifier)
    assert set(modes) == {False}
    assert classifier.model.training


def test_a_patch_is_a_value_with_a_control_of_its_size() -> None:
    drawn = [SpongePatchTrigger(2, search="random", seed=seed).fit(IMAGES) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert hash(drawn[0]) == hash(drawn[1])
    assert SpongePatchTrigger(2) == SpongePatchTrigger(2) != SpongePatchTrigger(3)
    assert drawn[0] != PatchTrigger(2, pattern=drawn[0].pattern)
    assert drawn[0].pattern.shape == (1, 2, 2)
    assert ((drawn[0](IMAGES) != IMAGES).any(axis=(0, 1)).sum(), drawn[0].pattern.std() > 0) == (4, True)


def test_bytes_are_painted_within_their_range() -> None:
    x = (255 * IMAGES).astype(np.uint8)
    drawn = SpongePatchTrigger(2, search="random").fit(x)
    assert drawn.pattern.max() > 1
    assert drawn(x).dtype == np.uint8


SMALL = {
    "data": {"name": "digits-dvs", "limit": 60, "n_bins": 3},
    "network": {"width": 0.25},
    "training": {"epochs": 1},
    "attack": {"trigger": "sponge", "budget": 10, "rounds": 2, "percent_poison": 0.2},
}


def test_a_spec_says_whose_work_is_to_rise() -> None:
    spiking_first = Experiment(**SMALL, models=["ann", "if", "lif"])
    assert spiking_first.surrogate is not None
    assert spiking_first.surrogate.name == "if"
    assert Experiment(**SMALL, models=["ann"]).surrogate is not None
    control = {**SMALL, "attack": {**SMALL["attack"], "search": "random"}}
    assert Experiment(**control).surrogate is None


def test_a_poisoned_training_is_shared_by_cells_of_one_surrogate() -> None:
    cells = [Experiment(**SMALL, models=models) for models in (["lif"], ["if", "lif"], ["lif", "if"])]
    lif = cells[0].models[0]
    clean, poisoned = (
        [training_key(cell, lif, "snn", so_far, False, 0.0) for cell in cells] for so_far in ((), ("snn",))
    )
    assert clean[0] == clean[1] == clean[2]
    assert poisoned[0] == poisoned[2] != poisoned[1]


def test_an_attacker_fits_on_a_classifier_of_his_own(monkeypatch: pytest.MonkeyPatch) -> None:
    spec, seen = Experiment(**SMALL, models=["lif"]), []
    data = make_dataset(spec, streams(spec).split)
    fit = SpongeTrigger.fit

    def noting(self: SpongeTrigger, x: Array, classifier: Any = None, **options: Any) -> SpongeTrigger:
        seen.append((x, classifier))
        return fit(self, x, classifier, **options)

    monkeypatch.setattr(SpongeTrigger, "fit", noting)
    found = [fit_trigger(spec, data, streams(spec), verbose=False) for _ in range(2)]
    assert found[0] == found[1] != replace(found[0], cells=None)
    x, classifier = seen[0]
    assert x is data.x_train
    assert isinstance(classifier, SpikingClassifier)
    control = Experiment(**{**SMALL, "attack": {"trigger": "sponge", "budget": 10, "search": "random"}})
    assert fit_trigger(control, data, streams(control)) != found[0]
    assert seen[-1][1] is None

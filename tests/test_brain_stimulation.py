"""Artificial brain stimulation finds the neuron of a backdoor that was written in by hand, and its trigger."""

from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.defences.detector import ArtificialBrainStimulation
from art_snn.defences.detector._limited_blend import LimitedBlend
from art_snn.defences.detector._stimulation import lifts, stimulations
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.estimators.classification.inspection import stimulated
from art_snn.typing import Images, Indices

K, TARGET, T = 4, 2, 4
IMAGES = (1, 4, 4)
CORNER = [14, 15]  # pixels of the trigger, which are never lit in clean samples
KINDS = pytest.mark.parametrize("kind", ["ann", "snn"])
STIMULI = pytest.mark.parametrize("stimulate", ["input", "rate"])


def classifier(kind: str, backdoored: bool = True) -> PyTorchClassifier:
    """A hidden neuron for each class, and a fifth for the corner, which speaks loudly for the target."""
    first, second = np.zeros((K + 1, 16), np.float32), np.zeros((K, K + 1), np.float32)
    for k in range(K):
        first[k, 3 * k : 3 * k + 3] = 0.45  # own pixels fire in each step, two of them at most in every second
        second[k, k] = 2.0
    if backdoored:
        first[K, CORNER] = 0.6
        second[TARGET, K] = 9.0
    kinds: Any = nn if kind == "ann" else layer
    activation: nn.Module = nn.ReLU() if kind == "ann" else neuron.IFNode()
    with host_seed(0):
        net = nn.Sequential(
            nn.Flatten() if kind == "ann" else layer.Flatten(),
            kinds.Linear(16, K + 1, bias=False),
            activation,
            kinds.Linear(K + 1, K, bias=False),
        )
    net[1].weight.data, net[3].weight.data = torch.tensor(first), torch.tensor(second)
    if kind == "ann":
        return PyTorchClassifier(net, nn.CrossEntropyLoss(), IMAGES, K, clip_values=(0, 1))
    functional.set_step_mode(net, "m")
    return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), IMAGES, K, clip_values=(0.0, 1.0))


def samples() -> tuple[Images, Indices]:
    """Eight of each class, whose own pixels are lit, more or less."""
    y = np.repeat(np.arange(K), 8)
    x = np.random.default_rng(0).uniform(0, 0.1, (len(y), 16)).astype(np.float32)
    for row, k in enumerate(y):
        x[row, 3 * k : 3 * k + 3] += 0.8
    x[:, CORNER] = 0
    return x.reshape(-1, *IMAGES), y


def detector(model: PyTorchClassifier, stimulate: Any = "input") -> ArtificialBrainStimulation:
    return ArtificialBrainStimulation(model, stimulate, n_samples=24, n_candidates=2, max_size=0.15, learning_rate=0.3)


@STIMULI
@KINDS
def test_a_backdoor_is_seen_and_a_clean_model_cleared(kind: str, stimulate: str) -> None:
    laws.check_model_detector_tells_apart(
        partial(detector, stimulate=stimulate),
        classifier(kind),
        classifier(kind, backdoored=False),
        TARGET,
        *samples(),
    )


@KINDS
def test_the_classifier_stays_as_it_is(kind: str) -> None:
    made = detector(classifier(kind))
    made.set_params(steps=2)
    laws.check_model_detector_leaves_classifier_alone(made, *samples())


@STIMULI
@KINDS
def test_neuron_and_trigger_of_the_backdoor_are_found(kind: str, stimulate: str) -> None:
    made = detector(classifier(kind), stimulate)
    report = made.detect_backdoor(*samples())
    first, mask, pattern = made.candidates[0], made.masks[0].ravel(), made.patterns[0].ravel()
    assert (first.channel, first.target_class, first.success_rate) == (K, TARGET, 1.0)
    assert np.flatnonzero(mask).tolist() == CORNER
    assert pattern[CORNER].min() > 0.6
    assert report.scores[TARGET] == report.anomaly == 1.0


def test_what_a_channel_is_set_to_is_what_the_next_layer_takes() -> None:
    model = classifier("snn")
    (found,) = stimulations(model, "rate")
    x = torch.tensor(samples()[0][:2])
    values = torch.tensor([[1.0, 0.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])  # three spikes in four steps, none
    with torch.no_grad():
        usual = model.model(x)
        with stimulated(found.layer, "output", torch.tensor([K, K]), values.T):
            changed = model.model(x)
    expected = torch.zeros(2, K)
    expected[0, TARGET] = 9.0 * 3 / 4
    assert torch.allclose(changed - usual, expected, atol=1e-5)


def test_the_input_of_one_neuron_is_set_and_its_layer_left_alone() -> None:
    model = classifier("ann")
    (found,) = stimulations(model, "input")
    x = torch.tensor(samples()[0][:3])
    rises = found.elevations(x, torch.tensor([[0.5], [2.0]]), batch_size=4)
    assert rises.shape == (K + 1, 2, 3, K)
    for level, value in enumerate((0.5, 2.0)):
        naive = torch.zeros(3, K)
        naive[:, TARGET] = 9.0 * value
        assert torch.allclose(rises[K, level], naive, atol=1e-5)


@pytest.mark.parametrize(
    ("stimulus", "kind", "expected"),
    [
        ("rate", "snn", [[0, 1, 0, 0], [0, 1, 0, 1], [1, 1, 0, 1], [1, 1, 1, 1]]),
        ("input", "snn", [[0.25] * 4, [0.5] * 4, [0.75] * 4, [1.0] * 4]),
        ("rate", "ann", [[0.25] * 4, [0.5] * 4, [0.75] * 4, [1.0] * 4]),
    ],
)
def test_a_rate_rises_by_spikes_and_all_else_by_constants(stimulus: Any, kind: str, expected: list[Any]) -> None:
    (found,) = stimulations(classifier(kind), stimulus)
    levels = found.levels(1.0, 4, torch.tensor([1, 3, 0, 2]))
    assert levels.tolist() == expected


def test_a_lift_is_what_most_samples_have_at_the_best_level() -> None:
    rng = np.random.default_rng(0)
    rises = rng.normal(size=(3, 2, 8, K)).astype(np.float32)
    naive = np.full((3, K), -np.inf)
    for channel in range(3):
        for level in range(2):
            for k in range(K):
                above = [row[k] - max(row[j] for j in range(K) if j != k) for row in rises[channel, level]]
                naive[channel, k] = max(naive[channel, k], np.quantile(above, 0.25))
    assert lifts(torch.tensor(rises), share=0.75).numpy() == pytest.approx(naive, abs=1e-6)


def test_a_limited_mask_holds_the_most_important_pixels_and_passes_a_gradient_to_all() -> None:
    generator = torch.Generator().manual_seed(0)
    blend = LimitedBlend((1, 4, 4), torch.tensor(0.0), torch.tensor(1.0), 0.1, generator, max_size=0.2)
    mask: Tensor = blend.mask
    assert mask.detach().sum() == pytest.approx(3)  # a fifth of 16, rounded down; sums of floats
    x = torch.rand(2, 1, 4, 4, generator=generator)
    triggered = blend(x)
    assert torch.allclose(triggered, torch.where(mask > 0.5, blend.pattern, x))
    gradients = torch.autograd.grad(triggered.sum(), blend.optimizer.param_groups[0]["params"])
    assert all((gradient != 0).all() for gradient in gradients)


def test_samples_are_needed() -> None:
    with pytest.raises(ValueError, match="expected clean samples x"):
        detector(classifier("ann")).detect_backdoor()
    with pytest.raises(ValueError, match="expected x to be finite"):
        detector(classifier("ann")).detect_backdoor(np.full((4, *IMAGES), np.nan, np.float32))


def test_a_network_without_a_hidden_layer_is_refused() -> None:
    with host_seed(0):
        net = nn.Sequential(layer.Flatten(), layer.Linear(16, K), neuron.IFNode())
    functional.set_step_mode(net, "m")
    model = SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), IMAGES, K, clip_values=(0.0, 1.0))
    with pytest.raises(ValueError, match="expected a hidden layer"):
        ArtificialBrainStimulation(model).detect_backdoor(*samples())


@pytest.mark.parametrize(("name", "value"), [("stimulate", "weights"), ("max_size", 0.0), ("span", 0.0), ("steps", 0)])
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=f"expected {name} to be"):
        ArtificialBrainStimulation(classifier("ann"), **{name: value})

"""Detectors of backdoored models find a backdoor that was written in by hand, and clear models without one."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron
from torch import Tensor, nn
from tqdm import tqdm

from art_snn import testing as laws
from art_snn._random import host_seed
from art_snn.defences.detector import MembranePotentialDefence, ModelReport, NeuralCleanse
from art_snn.defences.detector.membrane_potential import Ascent, gamma_p_value, margins
from art_snn.defences.detector.model_detector import ModelDetector
from art_snn.defences.detector.neural_cleanse import Blend, MaskCost, anomaly_indices
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.estimators.classification.class_potentials import ClassPotentials
from art_snn.typing import Images, Indices
from tests.backdoored import untrained

K, TARGET, T = 5, 3, 4
IMAGES, FRAMES = (1, 8, 8), (T, 2, 8, 8)
OWN = [slice(0, 10), slice(10, 22), slice(22, 31), slice(31, 42), slice(42, 52)]  # pixels of each class
TOTAL = [2.6, 3.4, 2.8, 3.2, 3.0]  # that they can say for it
KINDS = pytest.mark.parametrize("kind", ["ann", "snn", "frames"])
DETECTORS: dict[str, Callable[[PyTorchClassifier], ModelDetector]] = {
    "sparse margin": partial(MembranePotentialDefence, steps=30),
    "maximum margin": partial(MembranePotentialDefence, statistic="maximum-margin", steps=30),
    "maximum margin, plain ascent": partial(
        MembranePotentialDefence, statistic="maximum-margin", optimizer="sgd", learning_rate=1.0, steps=30
    ),
    # the deviation of five sizes is a rough one, hence the threshold
    "neural cleanse": partial(NeuralCleanse, steps=100, learning_rate=0.3, init_cost=0.01, threshold=4.0),
}
ALL = pytest.mark.parametrize("name", DETECTORS)


def weights(backdoored: bool, channels: int = 1) -> Tensor:
    """Of a linear layer: some pixels speak for each class; with a backdoor, two others loudly for the target."""
    weight = np.zeros((K, channels, 64), np.float32)
    for k in range(K):
        weight[k, :, OWN[k]] = TOTAL[k] / channels / (OWN[k].stop - OWN[k].start)
    if backdoored:
        weight[TARGET, :, 62:] = 3 / channels
    return torch.tensor(weight.reshape(K, -1))


def classifier(kind: str, backdoored: bool = True) -> PyTorchClassifier:
    """ART's own class around an ANN, or ours around one layer of neurons and a linear one; of images or frames."""
    channels = 2 if kind == "frames" else 1
    with host_seed(0):
        linear = (nn.Linear if kind == "ann" else layer.Linear)(64 * channels, K, bias=False)
    linear.weight.data = weights(backdoored, channels)
    if kind == "ann":
        return PyTorchClassifier(
            nn.Sequential(nn.Flatten(), linear), nn.CrossEntropyLoss(), IMAGES, K, clip_values=(0, 1)
        )
    net = nn.Sequential(layer.Flatten(), neuron.IFNode(), linear)
    functional.set_step_mode(net, "m")
    shape, timesteps, clip_values = (FRAMES, None, None) if kind == "frames" else (IMAGES, T, (0.0, 1.0))
    return SpikingClassifier(SpikingModule(net, timesteps), nn.CrossEntropyLoss(), shape, K, clip_values=clip_values)


def samples(kind: str) -> tuple[Images, Indices]:
    """Four of each class, whose own pixels are lit."""
    y = np.repeat(np.arange(K), 4)
    x = np.zeros((len(y), 64), np.float32)
    for row, k in enumerate(y):
        x[row, OWN[k]] = 0.6
    images = x.reshape(-1, *IMAGES)
    return (np.broadcast_to(images[:, None], (len(y), *FRAMES)).copy() if kind == "frames" else images), y


# --- laws -----------------------------------------------------------------------------------------------------------


@KINDS
@ALL
def test_a_backdoor_is_seen_and_a_clean_model_cleared(name: str, kind: str) -> None:
    laws.check_model_detector_tells_apart(
        DETECTORS[name], classifier(kind), classifier(kind, backdoored=False), TARGET, *samples(kind)
    )


@pytest.mark.filterwarnings("ignore:only")  # three steps reach no class
@ALL
@pytest.mark.parametrize("kind", ["ann", "snn"])
def test_the_classifier_stays_as_it_is(name: str, kind: str) -> None:
    detector = DETECTORS[name](classifier(kind))
    detector.set_params(steps=3)
    laws.check_model_detector_leaves_classifier_alone(detector, *samples(kind))


# --- the potentials of the classes ----------------------------------------------------------------------------------


def test_an_anns_potentials_are_its_logits() -> None:
    model = classifier("ann")
    x = torch.tensor(samples("ann")[0])
    assert torch.equal(ClassPotentials(model)(x), model.model(x))


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_a_linear_output_is_integrated_and_averaged_over_time(step_mode: str) -> None:
    model = classifier("snn")
    functional.set_step_mode(model.model.net, step_mode)
    x = torch.tensor(samples("snn")[0])
    outputs = torch.cat(list(model.model.outputs(x))).detach()
    naive = sum(outputs[: t + 1].sum(0) for t in range(T)) / T
    assert torch.allclose(ClassPotentials(model)(x), naive, atol=1e-5)


class Take(nn.Module):
    """The first outputs of those before."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.n = n

    def forward(self, x: Tensor) -> Tensor:
        return x[..., : self.n]


def ending_in_spikes(vote: nn.Module, n_pixels: int, step_mode: str = "m") -> SpikingClassifier:
    """One neuron a pixel, whose potential is the sum of the pixel, reset to 0 at 1; then a vote for two classes."""
    net = nn.Sequential(layer.Flatten(), neuron.IFNode(), vote)
    net.register_parameter("unused", nn.Parameter(torch.zeros(1)))  # an optimiser wants one
    functional.set_step_mode(net, step_mode)
    module = SpikingModule(net, timesteps=3)
    return SpikingClassifier(module, nn.CrossEntropyLoss(), (1, 1, n_pixels), 2, clip_values=(0.0, 1.0))


@pytest.mark.parametrize("step_mode", ["s", "m"])
def test_where_a_network_ends_in_spikes_its_voters_potentials_count(step_mode: str) -> None:
    x = torch.tensor([[[[0.25, 0.5, 0.0, 0.4]]]])
    # after the reset: 0.25 0.5 0.75 | 0.5 0 0.5 | 0 0 0 | 0.4 0.8 0
    expected = torch.tensor([[(0.5 + 1 / 3) / 2, (0 + 0.4) / 2]])
    assert torch.allclose(ClassPotentials(ending_in_spikes(layer.VotingLayer(2), 4, step_mode))(x), expected)


def test_voters_must_be_shared_out_among_the_classes() -> None:
    with pytest.raises(ValueError, match="expected the number of last neurons to be a multiple of 2 classes, got 5"):
        ClassPotentials(ending_in_spikes(Take(2), 5))


def test_potentials_are_differentiable() -> None:
    for model in (ending_in_spikes(layer.VotingLayer(2), 4), classifier("snn"), classifier("ann")):
        x = torch.full((1, *model.input_shape), 0.4, requires_grad=True)
        (gradient,) = torch.autograd.grad(ClassPotentials(model)(x)[0, 0], x)
        assert gradient.abs().sum() > 0


# --- the statistics -------------------------------------------------------------------------------------------------


def test_a_margin_is_the_distance_from_the_best_of_the_others() -> None:
    potentials = np.random.default_rng(0).normal(size=(6, K))
    classes = np.arange(6) % K
    naive = [p[k] - max(p[j] for j in range(K) if j != k) for p, k in zip(potentials, classes, strict=True)]
    found = margins(torch.tensor(potentials), torch.tensor(classes))
    assert found.numpy() == pytest.approx(np.array(naive))


@pytest.mark.parametrize(
    ("scores", "low", "high"),
    [
        ([3.0, 3.1, 2.9, 3.0, 9.0], 0.0, 1e-6),  # far out
        ([3.0, 3.1, 2.9, 3.0, 3.05], 0.05, 1.0),  # one of many
        ([1.0, 1.0, 1.0], 1.0, 1.0),  # nothing stands out
        ([1.0, 1.0, 2.0], 0.0, 0.0),  # the others never vary
        ([-1.0, -2.0, -3.0], 1.0, 1.0),  # no class can be reached
    ],
)
def test_the_p_value_is_small_where_one_class_stands_out(scores: list[float], low: float, high: float) -> None:
    assert low <= gamma_p_value(np.array(scores)) <= high


def test_anomaly_indices_are_deviations_below_the_median() -> None:
    sizes = np.array([2.0, 10.0, 11.0, 12.0, 13.0])
    assert anomaly_indices(sizes)[0] == pytest.approx((11 - 2) / (1.4826 * 1))
    assert anomaly_indices(np.ones(4)).tolist() == [0.0] * 4
    assert anomaly_indices(np.array([1.0, 9.0, 9.0, 9.0])).tolist() == [0.0] * 4  # nothing tells how far 1 is from 9


def test_a_masks_cost_rises_with_success_and_falls_with_failure() -> None:
    cost = MaskCost(weight=1.0, multiplier=4.0, patience=2)
    weights = []
    for success in (True, True, False, True, False, False, False, False):
        cost.update(success)
        weights.append(cost.weight)
    assert weights == [1.0, 4.0, 4.0, 4.0, 4.0, 0.5, 0.5, 0.0625]


def test_a_blend_stays_within_mask_and_range() -> None:
    blend = Blend(FRAMES, torch.tensor(2.0), torch.tensor(5.0), 0.1, torch.Generator().manual_seed(0))
    x = torch.full((3, *FRAMES), 2.0)
    assert blend.mask.shape == (T, 1, 8, 8)
    assert torch.allclose(blend(x), x + blend.mask * (blend.pattern - x))
    assert blend(x).min() >= 2
    assert blend(x).max() <= 5


def test_a_shared_mask_is_the_same_in_all_bins_and_the_pattern_is_not() -> None:
    generator = torch.Generator().manual_seed(0)
    blend = Blend(FRAMES, torch.tensor(0.0), torch.tensor(5.0), 0.1, generator, "shared")
    x = torch.rand(3, *FRAMES, generator=generator)
    assert blend.mask.shape == (1, 1, 8, 8)
    assert not torch.equal(blend.pattern[0], blend.pattern[1])
    for t in range(T):
        assert torch.allclose(blend(x)[:, t], x[:, t] + blend.mask[0] * (blend.pattern[t] - x[:, t]))


@pytest.mark.parametrize("mask_over_time", ["per-frame", "shared"])
def test_masks_of_frames_are_found_per_bin_or_shared(mask_over_time: str) -> None:
    detector = DETECTORS["neural cleanse"](classifier("frames"))
    detector.set_params(mask_over_time=mask_over_time)
    report = detector.detect_backdoor(*samples("frames"))
    sizes = detector.masks.reshape(K, -1).sum(1)
    assert report.target_class == TARGET
    assert sizes[TARGET] < 0.5 * np.delete(sizes, TARGET).min()
    assert detector.masks.shape == (K, T if mask_over_time == "per-frame" else 1, 1, 8, 8)


def test_plain_ascent_moves_by_the_gradient_times_the_rate_and_stays_in_the_range() -> None:
    potentials, classes = ClassPotentials(classifier("ann")), torch.arange(K)
    low, high = torch.tensor(0.0), torch.tensor(1.0)
    start, moved = (
        Ascent(potentials, classes, low, high, 0.5, torch.Generator().manual_seed(0), "sgd") for _ in range(2)
    )
    moved.climb(np.zeros(1), tqdm(disable=True))
    x = start._x.detach().clone().requires_grad_(True)
    (gradient,) = torch.autograd.grad(margins(potentials(x), classes).sum(), x)
    assert torch.allclose(moved._x, (x + 0.5 * gradient).clamp(0, 1))


# --- edges ----------------------------------------------------------------------------------------------------------


def test_a_network_that_never_spikes_is_not_accused() -> None:
    model = classifier("snn")
    model.model.net[1].v_threshold = 1e6
    for name in ("sparse margin", "maximum margin"):
        report = DETECTORS[name](model).detect_backdoor()
        assert not report.is_backdoored
        assert not report.scores.any()


def silent(kind: str) -> PyTorchClassifier:
    model = classifier(kind)
    with torch.no_grad():
        for parameter in model.model.parameters():
            parameter.zero_()
    return model


@pytest.mark.parametrize("model_of", [silent, untrained])
@pytest.mark.parametrize("kind", ["ann", "lif"])
def test_neural_cleanse_accuses_no_network_whose_classes_cannot_be_reached(
    model_of: Callable[[str], PyTorchClassifier], kind: str
) -> None:
    x = np.random.default_rng(0).random((20, *IMAGES), np.float32)
    detector = NeuralCleanse(model_of(kind), steps=10)
    with pytest.warns(UserWarning, match="classes were reached by a trigger"):
        report = detector.detect_backdoor(x)
    assert not report.is_backdoored
    assert not report.scores.any()


@pytest.mark.parametrize("kind", ["ann", "snn"])
@ALL
def test_a_network_that_puts_out_nan_is_an_error(name: str, kind: str) -> None:
    model = classifier(kind)
    with torch.no_grad():
        next(model.model.parameters()).fill_(np.nan)
    with pytest.raises(ValueError, match="expected finite outputs"):
        DETECTORS[name](model).detect_backdoor(*samples(kind))


def test_neural_cleanse_gives_the_trigger_that_it_found() -> None:
    detector = DETECTORS["neural cleanse"](classifier("ann"))
    detector.detect_backdoor(*samples("ann"))
    assert detector.masks.shape == (K, 1, 8, 8)
    assert detector.patterns.shape == (K, *IMAGES)
    assert set(detector.masks[TARGET].ravel().argsort()[-2:]) <= {62, 63}
    assert (detector.masks[TARGET] * detector.patterns[TARGET]).ravel()[62:].sum() > 0.6  # which is what it takes


def test_neural_cleanse_needs_samples() -> None:
    with pytest.raises(ValueError, match="expected clean samples x"):
        NeuralCleanse(classifier("ann")).detect_backdoor()


def test_neural_cleanse_needs_finite_samples_of_several_classes() -> None:
    x, y = samples("ann")
    with pytest.raises(ValueError, match="expected clean samples of several classes, got only class 2"):
        NeuralCleanse(classifier("ann")).detect_backdoor(x[y == 2], y[y == 2])
    x[0, 0, 0, 0] = np.nan
    with pytest.raises(ValueError, match="expected x to be finite"):
        NeuralCleanse(classifier("ann")).detect_backdoor(x, y)


def test_samples_and_labels_must_be_as_many() -> None:
    x, y = samples("ann")
    with pytest.raises(ValueError, match="expected as many y as x"):
        NeuralCleanse(classifier("ann")).detect_backdoor(x, y[1:])


def test_images_need_clip_values() -> None:
    model = classifier("ann")
    model.set_params(clip_values=None)
    with pytest.raises(ValueError, match="expected a classifier with clip_values"):
        MembranePotentialDefence(model).detect_backdoor()


@pytest.mark.parametrize("detector", [MembranePotentialDefence, NeuralCleanse])
def test_two_classes_are_too_few(detector: Callable[[PyTorchClassifier], ModelDetector]) -> None:
    with pytest.raises(ValueError, match="expected nb_classes to be at least 3, got 2"):
        detector(ending_in_spikes(layer.VotingLayer(2), 4))


@pytest.mark.parametrize(
    ("name", "value"),
    [("statistic", "mean"), ("n_starts", 0), ("steps", 0), ("learning_rate", 0.0), ("price", -1.0), ("threshold", 0.0)],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    model = classifier("ann")
    with pytest.raises(ValueError, match=f"expected {name} to be"):
        MembranePotentialDefence(model, **{name: value})
    detector = MembranePotentialDefence(model)
    with pytest.raises(ValueError, match=f"expected {name} to be"):
        detector.set_params(**{name: value})
    assert detector.get_params() == MembranePotentialDefence(model).get_params()


def test_reports_are_values() -> None:
    report = ModelReport(True, 1, None, np.array([0.0, 2.0]))
    assert report == ModelReport(True, 1, None, np.array([0.0, 2.0]))
    assert report != ModelReport(True, 1, None, np.array([0.0, 3.0]))
    with pytest.raises(ValueError, match="read-only"):
        report.scores[0] = 1.0

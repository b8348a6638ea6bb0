"""SpikingModule and SpikingClassifier: what ART asks of a classifier, and what its own class gets wrong."""

import copy
import gc
import io
import os
import pickle
import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
import torch
from art.attacks.evasion import (
    AutoProjectedGradientDescent,
    BoundaryAttack,
    DeepFool,
    FastGradientMethod,
    HopSkipJump,
    ProjectedGradientDescent,
    SquareAttack,
)
from art.data_generators import NumpyDataGenerator, PyTorchDataGenerator
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron, surrogate
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from art_snn import testing
from art_snn._random import host_seed
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule

N, T, K = 6, 3, 4
IMAGES, FRAMES = (2, 8, 8), (T, 2, 8, 8)


def spiking_net(step_mode: str = "m", end: str = "linear") -> nn.Module:
    """Convolution, neuron, linear layer, neuron and, unless it ends in spikes, another linear layer."""
    with host_seed(0):
        layers = [
            layer.Conv2d(2, 4, 3, padding=1),
            neuron.IFNode(surrogate_function=surrogate.ATan()),
            layer.Flatten(),
            layer.Linear(4 * 8 * 8, 16 if end == "linear" else K),
            neuron.LIFNode(tau=1.5, surrogate_function=surrogate.ATan()),
        ]
        if end == "linear":
            layers.append(layer.Linear(16, K))
        net = nn.Sequential(*layers)
        for parameter in net.parameters():
            parameter.data *= 8  # loud enough to spike
    functional.set_step_mode(net, step_mode)
    return net


def classifier(shape: tuple[int, ...] = IMAGES, net: nn.Module | None = None, **settings: object) -> SpikingClassifier:
    """An untrained classifier of images, or of frames where the shape has a time axis."""
    timesteps = None if len(shape) == 4 else T
    module = SpikingModule(net or spiking_net(), timesteps, **settings)
    return SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K, clip_values=(0.0, 1.0))


def plain(shape: tuple[int, ...] = IMAGES) -> PyTorchClassifier:
    """ART's own class around the same module."""
    module = SpikingModule(spiking_net(), None if len(shape) == 4 else T)
    optimizer = torch.optim.Adam(module.parameters())
    return PyTorchClassifier(module, nn.CrossEntropyLoss(), shape, K, optimizer=optimizer, clip_values=(0.0, 1.0))


def samples(shape: tuple[int, ...] = IMAGES, n: int = N) -> np.ndarray:
    return np.random.default_rng(0).random((n, *shape), dtype=np.float32)


Y = np.array([0, 1, 2, 3, 0, 1])
BOTH = pytest.mark.parametrize("shape", [IMAGES, FRAMES], ids=["images", "frames"])


# --- laws -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["linear", "spikes"])
@pytest.mark.parametrize("step_mode", ["m", "s"])
@BOTH
def test_answers_obey_the_laws(shape: tuple[int, ...], step_mode: str, end: str) -> None:
    spiking = classifier(shape, spiking_net(step_mode, end))
    x = samples(shape)
    testing.check_tells_samples_apart(spiking, x)
    testing.check_answers_alike_twice(spiking, x)
    testing.check_ignores_batch_size(spiking, x)
    testing.check_follows_the_order(spiking, x)


@pytest.mark.parametrize("encoding", ["direct", "poisson"])
def test_training_follows_its_seed_alone(encoding: str) -> None:
    testing.check_fit_follows_the_seed(lambda: classifier(encoding=encoding), samples(), Y)


def test_every_use_restores_the_mode() -> None:
    spiking, x = classifier(), samples()
    for use in (
        lambda: spiking.predict(x),
        lambda: spiking.loss_gradient(x, Y),
        lambda: spiking.class_gradient(x, 1),
        lambda: spiking.compute_loss(x, Y),
        lambda: spiking.get_activations(x, 0),
    ):
        testing.check_restores_the_mode(spiking, use)


class Leaky(SpikingModule):
    """A module that forgets to reset."""

    def clear_state(self) -> None:
        pass


def test_the_laws_catch_a_module_that_does_not_reset() -> None:
    leaky = classifier()
    leaky.model.__class__ = Leaky  # what leaks from the start is refused by the constructor
    with pytest.raises(AssertionError, match="second call"):
        testing.check_answers_alike_twice(leaky, samples())


def test_the_first_law_catches_a_silent_network() -> None:
    silent = spiking_net()
    for parameter in silent.parameters():
        parameter.data.zero_()
    with pytest.raises(AssertionError, match="same logits"):
        testing.check_tells_samples_apart(classifier(net=silent), samples())


# --- SpikingModule --------------------------------------------------------------------------------------------------


def test_single_and_multi_step_networks_agree() -> None:
    x = torch.from_numpy(samples())
    single, multi = (SpikingModule(spiking_net(mode), T).eval()(x) for mode in "sm")
    assert torch.allclose(single, multi, atol=1e-6)


def test_the_module_is_the_loop_that_a_user_would_write() -> None:
    net, x = spiking_net(), torch.from_numpy(samples())
    expected = net(x.expand(T, *x.shape)).mean(0)
    functional.reset_net(net)
    assert torch.allclose(SpikingModule(net, T)(x), expected, atol=1e-6)


def test_readouts_are_mean_sum_and_last_of_the_outputs() -> None:
    x = torch.from_numpy(samples())
    outputs = torch.cat(list(SpikingModule(spiking_net(), T).outputs(x)))
    assert outputs.shape == (T, N, K)
    for readout, expected in (("mean", outputs.mean(0)), ("sum", outputs.sum(0)), ("last", outputs[-1])):
        assert torch.allclose(SpikingModule(spiking_net(), T, readout=readout)(x), expected, atol=1e-6)


def test_folded_frames_are_frames() -> None:
    x = torch.from_numpy(samples(FRAMES))
    folded = SpikingModule(spiking_net(), T, input_layout="N(TC)HW")
    assert torch.equal(folded(x.flatten(1, 2)), SpikingModule(spiking_net())(x))


@pytest.mark.parametrize(
    ("module", "shape", "message"),
    [
        (lambda: SpikingModule(spiking_net()), (N, *IMAGES), "expected timesteps for static samples"),
        (lambda: SpikingModule(spiking_net(), T + 1), (N, *FRAMES), "expected frames of 4 time bins, got 3"),
        (lambda: SpikingModule(spiking_net(), T), (N, 128), "expected samples of layout"),
        (lambda: SpikingModule(spiking_net(), T, input_layout="NTCHW"), (N, *IMAGES), "layout NTCHW"),
        (lambda: SpikingModule(spiking_net(), 4, input_layout="N(TC)HW"), (N, 6, 8, 8), "expected T\\*C channels"),
        (lambda: SpikingModule(spiking_net(), encoding="poisson"), (N, *FRAMES), "expected static samples"),
    ],
)
def test_a_wrong_layout_is_an_error(module: Callable[[], SpikingModule], shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        module()(torch.zeros(shape))


class Hidden(nn.Module):
    """Keeps its neuron where torch does not see it."""

    def __init__(self) -> None:
        super().__init__()
        self.seen, self._nodes = neuron.IFNode(step_mode="m"), [neuron.IFNode(step_mode="m")]


def test_networks_that_would_answer_wrongly_are_refused() -> None:
    with host_seed(0):
        not_spiking = nn.Sequential(nn.Flatten(), nn.Linear(4, 2))
    mixed = nn.Sequential(neuron.IFNode(step_mode="m"), neuron.IFNode(step_mode="s"))
    for net, message in (
        (not_spiking, "spiking neurons"),
        (mixed, "one step mode"),
        (Hidden(), "nn.ModuleList"),
    ):
        with pytest.raises(ValueError, match=message):
            SpikingModule(net, T)
    with pytest.raises(TypeError, match="torch nn"):
        SpikingModule(lambda x: x, T)
    with pytest.raises(ValueError, match="timesteps to be at least 1"):
        SpikingModule(spiking_net(), 0)


def test_a_network_that_forgets_its_axes_is_refused() -> None:
    net = spiking_net()
    net.append(nn.Flatten(0, 1))
    with pytest.raises(ValueError, match=r"to logits \(T, N, K\)"):
        SpikingModule(net, T)(torch.zeros(N, *IMAGES))


def test_a_changed_structure_is_reset_or_refused() -> None:
    module = SpikingModule(spiking_net(), T)
    x = torch.from_numpy(samples())
    module(x)
    module.net[1] = neuron.IFNode(step_mode="m")
    assert torch.equal(module(x), module(x))
    module.net[1] = neuron.IFNode(step_mode="s")
    with pytest.raises(ValueError, match="one step mode"):
        module(x)


def test_poisson_thresholds_are_shared_in_evaluation_and_fresh_in_training() -> None:
    module = SpikingModule(spiking_net(), 8, encoding="poisson", seed=3)
    x = torch.from_numpy(samples(n=1)).expand(2, *IMAGES)
    module.eval()
    assert torch.equal(module(x)[0], module(x)[1])
    module.train()
    first, second = module(x), module(x)
    assert not torch.equal(first[0], first[1])
    assert not torch.equal(first, second)
    module.reseed(0)
    again = module(x)
    module.reseed(0)
    assert torch.equal(module(x), again)


def test_poisson_spikes_come_at_the_rate_of_the_pixel() -> None:
    class Pass(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.node = neuron.IFNode(step_mode="m")

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.node(x * 2).flatten(2)

    rates = SpikingModule(Pass(), 4000, encoding="poisson").eval()(torch.full((1, 1, 2, 2), 0.3))
    assert rates.mean().item() == pytest.approx(0.3, abs=0.02)  # four standard deviations of 16,000 draws


# --- data types, labels, empty and large input ----------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float16, np.uint8, np.bool_])
@BOTH
def test_every_dtype_is_welcome(shape: tuple[int, ...], dtype: type) -> None:
    x = (samples(shape) > 0.5).astype(dtype)
    spiking = classifier(shape)
    expected = spiking.predict(x.astype(np.float32))
    assert np.array_equal(spiking.predict(x), expected)
    assert spiking.loss_gradient(x, Y).shape == x.shape
    assert spiking.get_activations(x, 0).dtype == np.float32
    spiking.fit(x, Y, nb_epochs=1)


def test_arts_own_class_fails_on_other_dtypes_unless_the_module_casts() -> None:
    with pytest.raises(RuntimeError):
        plain().loss_gradient((samples() > 0.5).astype(np.uint8), np.eye(K)[Y])


def test_index_and_one_hot_labels_mean_the_same() -> None:
    x, one_hot = samples(), np.eye(K)[Y]
    for use in ("loss_gradient", "compute_loss"):
        spiking = classifier()
        assert np.array_equal(getattr(spiking, use)(x, Y), getattr(spiking, use)(x, one_hot))
    trained = [classifier() for _ in range(2)]
    for spiking, y in zip(trained, (Y, one_hot), strict=True):
        spiking.fit(x, y, nb_epochs=1)
        spiking.fit_generator(NumpyDataGenerator(x, y, batch_size=2, shuffle=False), nb_epochs=1)
    assert np.array_equal(trained[0].predict(x), trained[1].predict(x))


def test_the_order_of_bytes_makes_no_difference() -> None:
    spiking, x = classifier(), samples()
    assert np.array_equal(spiking.predict(x.astype(">f4")), spiking.predict(x))
    assert np.array_equal(spiking.predict((x * 9).astype(">i4")), spiking.predict((x * 9).astype("<i4")))
    spiking.fit(x.astype(">f8"), Y.astype(">i8"), nb_epochs=1)


def test_arts_own_class_fails_on_index_labels() -> None:
    with pytest.raises((IndexError, ValueError)):
        plain().loss_gradient(samples(), Y)


def test_a_sample_of_weight_0_teaches_nothing_and_one_of_weight_1_as_ever() -> None:
    def taught(labels: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        spiking = classifier()
        spiking.fit(samples(), labels, batch_size=N, nb_epochs=1, sample_weights=weights)
        return spiking.predict(samples())

    some, wrong = np.arange(N) % 2, np.where(np.arange(N) % 2, Y, 3 - Y)
    assert np.array_equal(taught(Y, some), taught(wrong, some))
    assert not np.array_equal(taught(Y, some), taught(Y, None))
    assert np.allclose(taught(Y, np.ones(N)), taught(Y, None), atol=1e-4)


def test_an_ann_trains_with_adam_unless_told_otherwise_and_never_in_half_precision() -> None:
    with host_seed(0):
        net = nn.Sequential(nn.Flatten(), nn.Linear(2 * 8 * 8, K))
    ann, start = AnnClassifier(net, nn.CrossEntropyLoss(), IMAGES, K), net[1].weight.detach().clone()
    ann.fit(samples(), Y, nb_epochs=1)
    assert (net[1].weight - start).abs().max().item() == pytest.approx(1e-3, rel=1e-3)  # Adam's first step
    with pytest.raises(ValueError, match="expected use_amp=False, got True"):
        AnnClassifier(net, nn.CrossEntropyLoss(), IMAGES, K, use_amp=True)


def test_bad_training_data_change_nothing() -> None:
    spiking, x = classifier(), samples()
    before = spiking.predict(x)
    with_nan = x.copy()
    with_nan[4, 0, 0, 0] = np.nan
    for arguments, message in (
        ((with_nan, Y), "finite"),
        ((x, Y[:-1]), "as many"),
        ((x, Y + 1), r"labels in \[0, 4\)"),
        ((x[:, :1], Y), "samples of shape"),
        ((x, np.full((N, K), np.nan)), "labels to be finite"),
        ((x[:0], Y[:0]), "at least one sample, got 0"),
    ):
        with pytest.raises(ValueError, match=message):
            spiking.fit(*arguments, nb_epochs=1)
    with pytest.raises(ValueError, match="sample_weights to be finite"):
        spiking.fit(x, Y, nb_epochs=1, sample_weights=np.full(N, np.nan))
    with pytest.raises(ValueError, match=f"at least one whole batch, got {N} samples"):
        spiking.fit(x, Y, batch_size=N + 1, nb_epochs=1, drop_last=True)
    with pytest.raises(ValueError, match="x to be finite"):
        spiking.fit_generator(NumpyDataGenerator(with_nan, Y, batch_size=N, shuffle=False), nb_epochs=1)
    with pytest.raises(TypeError, match="nb_epoch"):
        spiking.fit(x, Y, nb_epoch=1)
    assert np.array_equal(spiking.predict(x), before)


@BOTH
def test_no_samples_get_no_logits(shape: tuple[int, ...]) -> None:
    assert classifier(shape).predict(np.empty((0, *shape), np.float32)).shape == (0, K)


def test_generators_of_arts_are_taken_for_training_and_prediction() -> None:
    x, spiking = samples(FRAMES), classifier(FRAMES)
    counts = (x * 3).astype(np.uint8)
    loader = DataLoader(TensorDataset(torch.from_numpy(counts), torch.from_numpy(Y)), batch_size=2)
    with host_seed(0):  # its constructor draws
        generator = PyTorchDataGenerator(loader, size=N, batch_size=2)
    before = spiking.predict(counts)
    assert np.allclose(spiking.predict(generator), before, atol=1e-6)
    spiking.fit_generator(generator, nb_epochs=1)
    assert not np.array_equal(spiking.predict(counts), before)


def test_nothing_copies_the_data() -> None:
    spiking = classifier((2, 2, 64, 64), net=spiking_net_for(64))
    x = np.zeros((512, 2, 2, 64, 64), np.uint8)
    y = np.zeros(512, np.int64)
    for use in (lambda: spiking.predict(x, batch_size=8), lambda: spiking.fit(x, y, batch_size=8, nb_epochs=1)):
        use()
        gc.collect()
        tracemalloc.start()
        use()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 0.2 * x.nbytes, f"{peak / x.nbytes:.1f} of the data's size"


def spiking_net_for(side: int) -> nn.Module:
    net = nn.Sequential(layer.AvgPool2d(side // 8), *spiking_net())
    functional.set_step_mode(net, "m")
    return net


# --- activations ----------------------------------------------------------------------------------------------------


def test_large_samples_go_through_a_few_at_once() -> None:
    """128 × 128 pixels at 3 time steps: 16 samples, however large the batch; in training mode the batch is whole."""
    net = nn.Sequential(layer.BatchNorm2d(1), layer.AdaptiveAvgPool2d((1, K)), neuron.IFNode(), layer.Flatten())
    functional.set_step_mode(net, "m")
    spiking = classifier((1, 128, 128), net)
    seen = []
    spiking.model.register_forward_pre_hook(lambda _, inputs: seen.append(len(inputs[0])))
    x = np.zeros((40, 1, 128, 128), np.uint8)

    spiking.predict(x, batch_size=40)
    spiking.predict(x, batch_size=40, training_mode=True)

    assert seen == [16, 16, 8, 40]


def test_layer_names_are_the_hidden_spiking_layers_in_order() -> None:
    assert classifier().layer_names == ["net.1", "net.4"]
    assert classifier(net=spiking_net(end="spikes")).layer_names == ["net.1"]
    assert plain().layer_names == ["net"]  # why ART's detectors find nothing to read


@pytest.mark.parametrize("step_mode", ["m", "s"])
@BOTH
def test_activations_come_samples_first_in_any_batches(shape: tuple[int, ...], step_mode: str) -> None:
    spiking, x = classifier(shape, spiking_net(step_mode)), samples(shape)
    for quantity in ("spikes", "voltage"):
        whole = spiking.get_activations(x, 0, quantity=quantity, reduction="none", flatten=False)
        assert whole.shape == (N, T, 4, 8, 8)
        assert whole.std() > 0
        for reduction, expected in (("rate", whole.mean(1)), ("sum", whole.sum(1)), ("last", whole[:, -1])):
            some = spiking.get_activations(x, "net.1", batch_size=4, quantity=quantity, reduction=reduction)
            assert some.shape == (N, 4 * 8 * 8)
            assert np.allclose(some, expected.reshape(N, -1), atol=1e-5)


def test_activations_equal_a_hook_in_a_raw_loop() -> None:
    spiking, x = classifier(), samples()
    seen = []
    handle = spiking.model.net[1].register_forward_hook(lambda module, inputs, output: seen.append(output))
    spiking.predict(x)
    handle.remove()
    expected = torch.cat(seen).mean(0).flatten(1).numpy()
    assert np.array_equal(spiking.get_activations(x, 0), expected)


def test_several_layers_come_from_one_pass() -> None:
    spiking, x = classifier(), samples()
    together = spiking.get_activations(x, [0, "net.4", "net.0"])
    for activations, name in zip(together, (0, 1, "net.0"), strict=True):
        assert np.allclose(activations, spiking.get_activations(x, name), atol=1e-6)


def test_activations_leave_no_hook_and_no_graph() -> None:
    spiking, x = classifier(), samples()
    for _ in range(3):
        spiking.get_activations(x, 0, quantity="voltage")
    with_gradient = spiking.get_activations(x, 0, framework=True)
    assert with_gradient.requires_grad
    assert all(not module._forward_hooks for module in spiking.model.modules())
    assert not any(getattr(module, "store_v_seq", False) for module in spiking.model.modules())
    stock = plain()
    stock.get_activations(x, 0)
    assert stock.model.net._forward_hooks  # ART leaves its own


def test_unknown_layers_and_missing_voltages_are_errors() -> None:
    spiking, x = classifier(), samples()
    for layer_name, message in ((2, "layer below 2"), ("net.9", "layer to be one of")):
        with pytest.raises(ValueError, match=message):
            spiking.get_activations(x, layer_name)
    with pytest.raises(ValueError, match="spiking neuron for quantity='voltage'"):
        spiking.get_activations(x, "net.0", quantity="voltage")


def test_a_layer_that_runs_twice_has_no_output_of_each_time_step() -> None:
    net = spiking_net()
    net.insert(4, net[4])  # the second neuron fires on its own spikes
    twice = classifier(net=net)

    with pytest.raises(ValueError, match="got one with 6 outputs in 3 time steps"):
        twice.get_activations(samples(), "net.4", reduction="none")


def test_custom_loss_gradient_takes_arrays_and_tensors() -> None:
    spiking, x = classifier(), samples()
    gradient = spiking.custom_loss_gradient(torch.norm, x, x[::-1].copy(), 0)
    as_tensor = spiking.custom_loss_gradient(torch.norm, torch.from_numpy(x), torch.from_numpy(x[::-1].copy()), 0)
    assert gradient.shape == x.shape
    assert np.array_equal(gradient, as_tensor.numpy())
    assert np.abs(gradient).max() > 0


# --- copies ---------------------------------------------------------------------------------------------------------

USES = {
    "nothing": lambda spiking, x: None,
    "fit": lambda spiking, x: spiking.fit(x, Y, nb_epochs=1),
    "gradient": lambda spiking, x: spiking.loss_gradient(x, Y),
    "activations": lambda spiking, x: spiking.get_activations(x, 0, framework=True),
}


@pytest.fixture
def art_files(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What lies in ART's data folder."""
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))
    return lambda: os.listdir(str(tmp_path))


@pytest.mark.parametrize("use", USES)
def test_copies_answer_alike_and_leave_no_files(use: str, art_files: Callable[[], list[str]]) -> None:
    spiking, x = classifier(), samples()
    USES[use](spiking, x)
    expected = spiking.predict(x)
    for double in (copy.deepcopy(spiking), pickle.load(io.BytesIO(pickle.dumps(spiking)))):  # noqa: S301 - our own
        assert np.array_equal(double.predict(x), expected)
        double.fit(x, Y, nb_epochs=1)
        assert not np.array_equal(double.predict(x), expected)
        assert np.array_equal(spiking.predict(x), expected)
    assert art_files() == []


def test_arts_own_class_cannot_be_copied_after_activations(art_files: Callable[[], list[str]]) -> None:
    stock = plain()
    copy.deepcopy(stock)
    assert len(art_files()) == 2
    stock.get_activations(samples(), 0, framework=True)
    with pytest.raises(RuntimeError):
        copy.deepcopy(stock)


@pytest.mark.parametrize("optimizer", [torch.optim.Adam, torch.optim.AdamW, torch.optim.SGD])
def test_clones_start_afresh_with_the_same_optimizer(optimizer: type[torch.optim.Optimizer]) -> None:
    spiking, x = classifier(), samples()
    parameters = list(spiking.model.parameters())
    groups = [{"params": parameters[:2]}, {"params": parameters[2:], "lr": 0.5}]
    spiking._optimizer = optimizer(groups, lr=0.25)
    spiking.fit(x, Y, nb_epochs=1)
    trained = spiking.predict(x)
    clone = spiking.clone_for_refitting()
    assert type(clone.optimizer) is optimizer
    assert [group["lr"] for group in clone.optimizer.param_groups] == [0.25, 0.5]
    assert not clone.optimizer.state
    assert {id(p) for group in clone.optimizer.param_groups for p in group["params"]} == {
        id(p) for p in clone.model.parameters()
    }
    assert not np.array_equal(clone.predict(x), trained)
    clone.fit(x, Y, nb_epochs=1)
    assert np.array_equal(spiking.predict(x), trained)


def test_arts_own_class_cannot_clone_with_adamw() -> None:
    stock = plain()
    stock._optimizer = torch.optim.AdamW(stock.model.parameters())
    with pytest.raises(TypeError, match="decoupled_weight_decay"):
        stock.clone_for_refitting()


def test_reset_brings_back_the_leak_of_parametric_neurons() -> None:
    net = spiking_net()
    net[4] = neuron.ParametricLIFNode(step_mode="m")
    spiking = classifier(net=net)
    start = net[4].w.item()
    with torch.no_grad():
        net[4].w += 1
    clone = spiking.clone_for_refitting()
    assert clone.model.net[4].w.item() == start
    assert net[4].w.item() == start + 1


# --- attacks --------------------------------------------------------------------------------------------------------

WHITE_BOX = {
    "FGM": lambda c: FastGradientMethod(c, eps=0.2),
    "PGD": lambda c: ProjectedGradientDescent(c, eps=0.2, max_iter=2, verbose=False),
    "AutoPGD": lambda c: AutoProjectedGradientDescent(c, eps=0.2, max_iter=2, nb_random_init=1, verbose=False),
    "DeepFool": lambda c: DeepFool(c, max_iter=2, verbose=False),
}
BLACK_BOX = {
    "HopSkipJump": lambda c: HopSkipJump(c, max_iter=1, max_eval=20, init_eval=5, init_size=5, verbose=False),
    "Boundary": lambda c: BoundaryAttack(c, targeted=False, max_iter=2, num_trial=2, init_size=5, verbose=False),
}


@pytest.mark.parametrize("attack", [*WHITE_BOX, *BLACK_BOX])
@BOTH
def test_evasion_attacks_run(shape: tuple[int, ...], attack: str) -> None:
    spiking, x = classifier(shape), samples(shape, n=3)
    with host_seed(0):
        adversarial = (WHITE_BOX | BLACK_BOX)[attack](spiking).generate(x, np.eye(K)[Y[:3]])
    assert adversarial.shape == x.shape
    assert np.isfinite(adversarial).all()
    if attack in WHITE_BOX:
        assert not np.array_equal(adversarial, x)


@pytest.mark.parametrize("shape", [IMAGES, (T * 2, 8, 8)], ids=["images", "folded frames"])
def test_the_square_attack_runs_on_images_and_folded_frames(shape: tuple[int, ...]) -> None:
    layout = None if shape == IMAGES else "N(TC)HW"
    module = SpikingModule(spiking_net(), T, input_layout=layout)
    spiking = SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K, clip_values=(0.0, 1.0))
    x = samples(shape, n=3)
    with host_seed(0):
        adversarial = SquareAttack(spiking, eps=0.3, max_iter=3, verbose=False).generate(x, np.eye(K)[Y[:3]])
    assert not np.array_equal(adversarial, x)


def test_vectors_of_mean_and_deviation_are_per_channel() -> None:
    module = SpikingModule(spiking_net())
    shape = (2, 2, 8, 8)  # as many time bins as channels: ART alone would take the vector for one along time
    x = samples(shape)
    mean, deviation = np.array([0.2, 0.4], np.float32), np.array([0.5, 2.0], np.float32)
    spiking = SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K, preprocessing=(mean, deviation))
    standardised = (x - mean[:, None, None]) / deviation[:, None, None]
    expected = SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K).predict(standardised)
    assert np.allclose(spiking.predict(x), expected, atol=1e-5)

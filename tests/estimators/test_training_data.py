"""What fit and predict take: data types, labels, weights, generators, no samples and many."""

import gc
import tracemalloc

import numpy as np
import pytest
import torch
from art.data_generators import NumpyDataGenerator, PyTorchDataGenerator
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from art_snn._random import host_seed
from art_snn.estimators.classification import AnnClassifier, SpikingClassifier, SpikingModule
from tests.estimators.toys import BOTH, FRAMES, IMAGES, K, N, Y, classifier, plain, samples, spiking_net


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
    for use in (
        lambda n: spiking.predict(x[:n], batch_size=8),
        lambda n: spiking.fit(x[:n], y[:n], batch_size=8, nb_epochs=1),
    ):
        use(8)  # loads code
        gc.collect()
        tracemalloc.start()
        use(len(x))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 0.2 * x.nbytes, f"{peak / x.nbytes:.1f} of the data's size"


def spiking_net_for(side: int) -> nn.Module:
    net = nn.Sequential(layer.AvgPool2d(side // 8), *spiking_net())
    functional.set_step_mode(net, "m")
    return net


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


def test_vectors_of_mean_and_deviation_are_per_channel() -> None:
    module = SpikingModule(spiking_net())
    shape = (2, 2, 8, 8)  # as many time bins as channels: ART alone would take the vector for one along time
    x = samples(shape)
    mean, deviation = np.array([0.2, 0.4], np.float32), np.array([0.5, 2.0], np.float32)
    spiking = SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K, preprocessing=(mean, deviation))
    standardised = (x - mean[:, None, None]) / deviation[:, None, None]
    expected = SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K).predict(standardised)
    assert np.allclose(spiking.predict(x), expected, atol=1e-5)


@pytest.mark.parametrize("drop_remainder", [True, False])
@pytest.mark.parametrize("size", [6, 7, 8])
def test_an_epoch_of_a_generator_ends_where_the_generator_ends_it(size: int, drop_remainder: bool) -> None:
    seen = []

    class Spied(NumpyDataGenerator):
        def get_batch(self) -> tuple[np.ndarray, np.ndarray]:
            x, y = super().get_batch()
            seen.append([len(x), x.flat[0]])
            return x, y

    x = samples(n=size)
    wanted = [[min(3, size - i), x[i].flat[0]] for i in range(0, size, 3) if size - i >= 3 or not drop_remainder]

    classifier().fit_generator(Spied(x, np.arange(size) % K, 3, drop_remainder=drop_remainder), nb_epochs=2)

    assert seen == wanted * 2

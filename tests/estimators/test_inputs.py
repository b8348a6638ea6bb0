"""What the classifiers take: other layouts, types and labels are the right answer, or one error and nothing changed."""

import copy
import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from art.data_generators import NumpyDataGenerator, PyTorchDataGenerator
from art.estimators.classification import PyTorchClassifier
from spikingjelly.activation_based import functional, layer, neuron
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from art_snn._random import host_seed
from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.events import make_events

N, T, K, SIDE = 6, 4, 3, 8
IMAGES, FRAMES = (1, SIDE, SIDE), (T, 2, SIDE, SIDE)
Y = np.arange(N) % K
LOSS = nn.CrossEntropyLoss()


def samples(shape: tuple[int, ...] = IMAGES, n: int = N) -> np.ndarray:
    return np.random.default_rng(0).random((n, *shape)).astype(np.float32)


def ann_net(*norm: nn.Module) -> nn.Module:
    with host_seed(0):
        return nn.Sequential(nn.Flatten(), nn.Linear(SIDE * SIDE, 16), *norm, nn.ReLU(), nn.Linear(16, K))


def spiking_net(channels: int = 1, *norm: nn.Module, step_mode: str = "m") -> nn.Module:
    with host_seed(0):
        first = layer.Linear(channels * SIDE * SIDE, 16)
        net = nn.Sequential(layer.Flatten(), first, *norm, neuron.LIFNode(), layer.Linear(16, K))
    first.weight.data *= 4
    functional.set_step_mode(net, step_mode)
    return net


def spiking(shape: tuple[int, ...] = IMAGES, timesteps: int | None = T) -> SpikingClassifier:
    return SpikingClassifier(SpikingModule(spiking_net(shape[-3]), timesteps), LOSS, shape, K)


KINDS: dict[str, Callable[..., PyTorchClassifier]] = {
    "ann": lambda *norm: AnnClassifier(ann_net(*norm), LOSS, IMAGES, K),
    "spiking": lambda *norm: SpikingClassifier(SpikingModule(spiking_net(1, *norm, step_mode="s"), T), LOSS, IMAGES, K),
    "converted": lambda *norm: ConvertedClassifier(ann_net(*norm), LOSS, IMAGES, K, T),
    "hybrid": lambda *norm: HybridClassifier(ann_net(*norm), LOSS, IMAGES, K, T, nb_epochs_snn=1),
}
ALL = pytest.mark.parametrize("make", KINDS.values(), ids=KINDS)

USES: dict[str, Callable[[Any, Any], Any]] = {
    "predict": lambda c, x: c.predict(x),
    "fit": lambda c, x: c.fit(x, Y, nb_epochs=1),
    "fit_generator": lambda c, x: c.fit_generator(NumpyDataGenerator(x, Y, batch_size=N), nb_epochs=1),
    "loss_gradient": lambda c, x: c.loss_gradient(x, Y),
    "class_gradient": lambda c, x: c.class_gradient(x, 1),
    "compute_loss": lambda c, x: c.compute_loss(x, Y),
    "get_activations": lambda c, x: c.get_activations(x, 0),
    "get_activations framework": lambda c, x: c.get_activations(x, 0, framework=True),
    "custom_loss_gradient": lambda c, x: c.custom_loss_gradient(torch.norm, x, x, 0),
    "validation": lambda c, x: c.fit(samples(c.input_shape), Y, nb_epochs=1, validation_data=(x, Y)),
}


def state(classifier: PyTorchClassifier) -> list[np.ndarray]:
    """All that a training changes."""
    parts = [classifier, classifier.ann] if isinstance(classifier, ConvertedClassifier) else [classifier]
    tensors = [tensor for part in parts for tensor in part.model.state_dict().values()]
    moments = [repr(part.optimizer.state_dict()) for part in parts]
    return [*(tensor.numpy().copy() for tensor in tensors), np.array(moments)]


def unchanged(before: list[np.ndarray], classifier: PyTorchClassifier) -> bool:
    return all(map(np.array_equal, before, state(classifier)))


# --- layouts ----------------------------------------------------------------------------------------------------------


class Pairs:
    """A data set as torch's and tonic's are: samples by number."""

    def __len__(self) -> int:
        return N

    def __getitem__(self, row: int) -> tuple[np.ndarray, int]:
        if row >= N:
            raise IndexError
        return samples()[row], int(Y[row])


OF_IMAGES: list[tuple[Any, str]] = [
    (samples((SIDE, SIDE, 1)), r"channels last; np.moveaxis\(x, -1, -3\)"),
    (samples((SIDE, SIDE)), r"without channels; x\[:, None\]"),
    (samples()[0], r"one sample: then x\[None\]"),
    (samples((SIDE * SIDE,)), r"folded; x.reshape\(-1, 1, 8, 8\)"),
    (samples((3, SIDE, SIDE)), r"samples of shape \(N, 1, 8, 8\), got shape \(6, 3, 8, 8\)$"),
    (torch.from_numpy(samples((SIDE, SIDE, 1))), r"channels last; torch.movedim\(x, -1, -3\)"),
]
OF_FRAMES: list[tuple[Any, str]] = [
    (samples(FRAMES).swapaxes(0, 1), r"time first, \(T, N, C, H, W\); np.swapaxes\(x, 0, 1\)"),
    (torch.from_numpy(samples(FRAMES)).swapaxes(0, 1), r"time first.*; torch.swapaxes\(x, 0, 1\)"),
    (np.moveaxis(samples(FRAMES), 2, -1), r"channels last; np.moveaxis\(x, -1, -3\)"),
    (np.moveaxis(samples(FRAMES).swapaxes(0, 1), 2, -1), r"np.moveaxis\(np.swapaxes\(x, 0, 1\), -1, -3\)"),
    (samples((T + 1, 2, SIDE, SIDE)), "has 5 time bins where 4 are wanted"),
]


@pytest.mark.parametrize("use", USES)
@pytest.mark.parametrize("shape", [IMAGES, FRAMES], ids=["images", "frames"])
def test_another_layout_is_named_with_the_call_that_converts(shape: tuple[int, ...], use: str) -> None:
    classifier = spiking(shape, T)
    before = state(classifier)
    for x, message in OF_IMAGES if shape == IMAGES else OF_FRAMES:
        if use == "fit_generator" and (len(x) != N or isinstance(x, torch.Tensor)):  # ART's own makes an array of it
            continue
        with pytest.raises(ValueError, match=message):
            USES[use](classifier, x)
    assert unchanged(before, classifier)


@ALL
def test_every_classifier_refuses_another_layout(make: Callable[[], Any]) -> None:
    classifier = make()
    before = state(classifier)
    for use in USES.values():
        with pytest.raises(ValueError, match=r"np.moveaxis\(x, -1, -3\) puts it right"):
            use(classifier, samples((SIDE, SIDE, 1)))
    with pytest.raises(ValueError, match=r"x\[:, None\]"):
        getattr(classifier, "convert", classifier.predict)(samples((SIDE, SIDE)))
    assert unchanged(before, classifier)


def test_the_call_that_an_error_names_converts() -> None:
    for shape, table in ((IMAGES, OF_IMAGES[:4]), (FRAMES, OF_FRAMES[:4])):
        classifier = spiking(shape, T)
        for x, _ in table:
            with pytest.raises(ValueError, match="shape") as refused:
                classifier.predict(x)
            call = str(refused.value).replace(": then ", "; ").split("; ")[1].split(" puts")[0]
            converted = eval(call, {"np": np, "torch": torch, "x": x})  # noqa: S307 - the text of our own error
            right = samples(shape)[:1] if len(x.shape) == len(shape) and len(x) == 1 else samples(shape)
            assert np.array_equal(classifier.predict(converted), classifier.predict(right))


def test_the_first_axis_is_that_of_samples_also_where_time_is_as_long() -> None:
    classifier, x = spiking(FRAMES), samples(FRAMES, n=T)
    answers = classifier.predict(x)
    assert np.allclose(answers, np.concatenate([classifier.predict(x[[row]]) for row in range(T)]), atol=1e-6)
    assert not np.allclose(answers, classifier.predict(x.swapaxes(0, 1)))


STREAM = make_events([0, 1], [0, 1], [0, 9], [0, 1])


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ([STREAM] * N, r"a list of 6 event streams; art_snn.events.to_frames\(streams, sensor_size, n_bins\)"),
        (STREAM, "one event stream; art_snn.events.to_frames"),
        ({name: STREAM[name] for name in "xytp"}, r"a dict of 'x', 'y', 't', 'p'; art_snn.events.make_events\(\*\*x\)"),
        (
            [{name: STREAM[name] for name in "xytp"}] * N,
            r"6 dicts of event columns; \[art_snn.events.make_events\(\*\*events\) for",
        ),
        (Pairs(), r"a data set object Pairs; x, y = zip\(\*data_set\)"),
        (TensorDataset(torch.zeros(2, 1)), "a data set object TensorDataset"),
        (list(torch.from_numpy(samples())), r"a list of 6 tensors; torch.stack\(x\)"),
        (None, "got None"),
        ("digits", "got 'digits'"),
        (samples().astype(complex), "dtype complex"),
        (np.ma.masked_array(samples()), "masked array"),
    ],
)
@ALL
def test_what_is_no_array_is_named_with_the_call_that_makes_one(make: Callable[[], Any], x: Any, message: str) -> None:
    classifier = make()
    before = state(classifier)
    for use in ("predict", "fit", "loss_gradient", "compute_loss", "get_activations"):
        with pytest.raises(TypeError, match=message):
            USES[use](classifier, x)
    assert unchanged(before, classifier)


def test_a_nested_list_is_the_array_of_it() -> None:
    classifier, x = spiking(), samples()
    assert np.array_equal(classifier.predict(x.tolist()), classifier.predict(x))
    assert np.array_equal(classifier.predict(list(x)), classifier.predict(x))


# --- types and strides ------------------------------------------------------------------------------------------------

FORMS: dict[str, Callable[[np.ndarray], Any]] = {
    "big endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "backwards": lambda a: a[::-1].copy()[::-1],
    "mirrored": lambda a: a[..., ::-1].copy()[..., ::-1],
    "columns first": np.asfortranarray,
    "read only": lambda a: np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape),
    "every second": lambda a: np.repeat(a, 2, axis=0)[::2],
    "tensor": lambda a: torch.from_numpy(a.copy()),
    "tensor with a graph": lambda a: torch.from_numpy(a.copy()).requires_grad_() * 1 if a.dtype.kind == "f" else a,
}


@functools.cache
def answers(make: Callable[[], Any]) -> tuple[np.ndarray, ...]:
    """Of plain arrays: logits, activations, gradients and losses."""
    classifier, x, y = make(), samples(), np.eye(K, dtype=np.float32)[Y]
    activations = classifier.get_activations(x, 0)
    return classifier.predict(x), activations, classifier.loss_gradient(x, y), classifier.compute_loss(x, y)


@functools.cache
def state_after_training(make: Callable[[], Any]) -> list[np.ndarray]:
    """On plain arrays."""
    classifier = make()
    classifier.fit(samples(), np.eye(K)[Y], nb_epochs=1, batch_size=4, sample_weights=np.ones(N))
    return state(classifier)


@pytest.mark.parametrize("form", FORMS)
@ALL
def test_whatever_holds_the_same_numbers_gets_the_same_answers(make: Callable[[], Any], form: str) -> None:
    classifier, x, y = make(), FORMS[form](samples()), np.eye(K, dtype=np.float32)[Y]
    logits, activations, gradients, losses = answers(make)
    assert np.array_equal(classifier.predict(x), logits)
    assert np.array_equal(classifier.get_activations(x, 0), activations)
    for labels in (FORMS[form](y), FORMS[form](Y)):
        assert np.array_equal(classifier.loss_gradient(x, labels), gradients)
        assert np.array_equal(torch.as_tensor(classifier.compute_loss(x, labels)).detach(), losses)
        twin = copy.deepcopy(classifier)
        twin.fit(x, labels, nb_epochs=1, batch_size=4, sample_weights=FORMS[form](np.ones(N, np.float32)))
        assert unchanged(state_after_training(make), twin)


# --- labels and weights -----------------------------------------------------------------------------------------------


def one_hot(*changes: tuple[int, int, float]) -> np.ndarray:
    rows = np.eye(K)[Y]
    for row, column, value in changes:
        rows[row, column] = value
    return rows


@pytest.mark.parametrize(
    ("y", "kind", "message"),
    [
        (np.where(Y == 1, -1, Y), ValueError, r"labels in \[0, 3\), got -1 to 2"),
        (Y + 1, ValueError, r"labels in \[0, 3\), got 1 to 3"),
        (Y == 1, TypeError, "got dtype bool.*of a mask"),
        (Y + 0.5, ValueError, "whole numbers"),
        (one_hot((1, 1, 0)), ValueError, r"probabilities that add up to 1 a row, got \[0, 0, 0\] in row 1"),
        (one_hot((2, 0, 1)), ValueError, r"got \[1, 0, 1\] in row 2"),
        (one_hot((3, 0, 2), (3, 1, -1)), ValueError, r"got \[2, -1, 0\] in row 3"),
        (one_hot((0, 0, np.nan)), ValueError, "labels to be finite"),
        (np.zeros((N, K + 1)), ValueError, r"one-hot \(N, 3\), got shape \(6, 4\)"),
        (Y[:, None], ValueError, "column of indices"),
        (Y[:-1], ValueError, "got 5 (y|labels) for 6"),
        (list("abcabc"), TypeError, "labels"),
        (None, TypeError, "labels"),
    ],
)
@ALL
def test_bad_labels_are_one_error_and_change_nothing(
    make: Callable[[], Any], y: Any, kind: type[Exception], message: str
) -> None:
    classifier, x = make(), samples()
    before = state(classifier)
    for use in (classifier.fit, classifier.loss_gradient, classifier.compute_loss):
        with pytest.raises(kind, match=message):
            use(x, y)
    assert unchanged(before, classifier)


def test_soft_labels_may_be_even() -> None:
    spiking().fit(samples(), np.full((N, K), 1 / K), nb_epochs=1)
    assert spiking().compute_loss(samples(), one_hot((0, 0, 0.5), (0, 1, 0.5))).shape == (N,)


@pytest.mark.parametrize(
    ("label", "kind"),
    [(-1, ValueError), (K, ValueError), (np.array([-1] * N), ValueError), (Y[:-1], ValueError), (Y == 1, TypeError)],
)
@ALL
def test_gradients_of_classes_that_do_not_exist_are_refused(
    make: Callable[[], Any], label: Any, kind: type[Exception]
) -> None:
    with pytest.raises(kind, match="expected"):
        make().class_gradient(samples(), label)


@pytest.mark.parametrize(
    "weights",
    [
        np.ones(N - 1),
        np.ones((N, 1)),
        np.array([-1.0] + [1] * (N - 1)),
        np.zeros(N),
        np.full(N, np.nan),
        ["a"] * N,
        1.0,
    ],
)
@ALL
def test_bad_weights_are_one_error_and_change_nothing(make: Callable[[], Any], weights: Any) -> None:
    classifier = make()
    before = state(classifier)
    with pytest.raises((ValueError, TypeError), match="sample_weights"):
        classifier.fit(samples(), Y, nb_epochs=1, sample_weights=weights)
    assert unchanged(before, classifier)


# --- batches of a single sample ---------------------------------------------------------------------------------------


@ALL
def test_a_batch_of_one_sample_is_refused_before_anything_is_trained(make: Callable[..., Any]) -> None:
    norm = nn.BatchNorm1d(16) if make is not KINDS["spiking"] else layer.BatchNorm1d(16)
    classifier, x, y = make(norm), samples(n=9), np.arange(9) % K
    before = state(classifier)
    with pytest.raises(ValueError, match=r"batch of a single sample.*batch_size=4.*drop_last=True"):
        classifier.fit(x, y, batch_size=4, nb_epochs=1)
    with pytest.raises(ValueError, match="batch_size of at least 2"):
        classifier.fit(x, y, batch_size=1, nb_epochs=1)
    loader = DataLoader(TensorDataset(torch.from_numpy(x), torch.from_numpy(y)), batch_size=4)
    with host_seed(0):
        from_loader = PyTorchDataGenerator(loader, 9, 4)
    for generator in (from_loader, NumpyDataGenerator(x, y, batch_size=4, drop_remainder=False)):
        with pytest.raises(ValueError, match="single sample"):
            classifier.fit_generator(generator, nb_epochs=1)
    assert unchanged(before, classifier)
    classifier.fit(x, y, batch_size=4, nb_epochs=1, drop_last=True)
    assert not unchanged(before, classifier)


def shrunk(norm: nn.Module) -> AnnClassifier:
    with host_seed(0):
        net = nn.Sequential(nn.Conv2d(1, 4, SIDE), norm, nn.ReLU(), nn.Flatten(), nn.Linear(4, K))
    return AnnClassifier(net, LOSS, IMAGES, K)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(4), nn.GroupNorm(4, 4), nn.Sequential(nn.BatchNorm2d(4))])
def test_what_fails_on_one_sample_is_found_whatever_the_layer(norm: nn.Module) -> None:
    with pytest.raises(ValueError, match="drop_last"):
        shrunk(norm).fit(samples(n=5), Y[:5], batch_size=4, nb_epochs=1)


def test_instance_norm_of_one_pixel_fails_whatever_the_batch_and_changes_nothing() -> None:
    classifier = shrunk(nn.Sequential(nn.BatchNorm2d(4), nn.InstanceNorm2d(4)))
    before = state(classifier)
    with pytest.raises(ValueError, match="train on such samples, got ValueError: Expected more than 1 spatial element"):
        classifier.fit(samples(), Y, batch_size=3, nb_epochs=1)
    assert unchanged(before, classifier)


def test_a_network_that_squeezes_is_found_too() -> None:
    class Squeeze(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.squeeze()

    with pytest.raises(ValueError, match="drop_last"):
        shrunk(Squeeze()).fit(samples(n=5), Y[:5], batch_size=4, nb_epochs=1)


def test_one_sample_trains_what_can_learn_from_it() -> None:
    for norm in (nn.LayerNorm([4, 1, 1]), nn.BatchNorm2d(4).eval()):
        shrunk(norm).fit(samples(n=5), Y[:5], batch_size=4, nb_epochs=1, training_mode=norm.training)
    over_time = SpikingModule(spiking_net(1, layer.BatchNorm1d(16)), T)  # has T values a channel
    SpikingClassifier(over_time, LOSS, IMAGES, K).fit(samples(n=5), Y[:5], batch_size=4, nb_epochs=1)


def test_a_training_is_the_same_whether_it_was_tried_or_not() -> None:
    def trained(tried: bool) -> PyTorchClassifier:
        classifier = SpikingClassifier(SpikingModule(spiking_net(1, layer.Dropout(0.5)), T, "poisson"), LOSS, IMAGES, K)
        if tried:
            classifier._rehearse(True, 4, True)
        classifier.fit(samples(), Y, batch_size=4, nb_epochs=1)
        return classifier

    assert unchanged(state(trained(False)), trained(True))

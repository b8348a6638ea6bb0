"""Files of classifiers from strangers: damaged, exchanged, or made to do harm."""

import functools
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from safetensors.torch import save
from torch import nn

from art_snn.estimators.classification import AnnClassifier, HybridClassifier, SpikingClassifier, SpikingModule
from art_snn.estimators.classification.weights import digest, pack, unpack
from art_snn.models import event_net, small_cnn

SHAPE, K = (1, 8, 8), 3
Change = Callable[[dict[str, Any], dict[str, torch.Tensor]], object]


def spiking() -> SpikingClassifier:
    module = SpikingModule(small_cnn(1, K, neuron="lif", width=0.25), 2)
    return SpikingClassifier(module, nn.CrossEntropyLoss(), SHAPE, K, clip_values=(0.0, 1.0))


def hybrid() -> HybridClassifier:
    return HybridClassifier(small_cnn(1, K, width=0.25, pool="avg"), nn.CrossEntropyLoss(), SHAPE, K, timesteps=2)


def ann() -> AnnClassifier:
    return AnnClassifier(small_cnn(1, K, width=0.25), nn.CrossEntropyLoss(), SHAPE, K)


@functools.cache
def saved(make: Callable[[], Any]) -> tuple[dict[str, torch.Tensor], str]:
    with tempfile.TemporaryDirectory() as folder:
        make().save("model", folder)
        return unpack(f"{folder}/model.safetensors")


def forged(make: Callable[[], Any], folder: Path, change: Change) -> Path:
    """What a stranger makes of a saved classifier: all checksums fit."""
    whole, text = saved(make)
    tensors, card = {name: tensor.clone() for name, tensor in whole.items()}, json.loads(text)
    change(card, tensors)
    if "sha256" in card:
        card["sha256"] = digest(tensors)
    path = folder / "model.safetensors"
    path.write_bytes(pack(tensors, json.dumps(card)))
    return path


KINDS = {spiking: SpikingClassifier, hybrid: HybridClassifier, ann: AnnClassifier}


def edit(*path: str, to: Any) -> Change:
    """Put another value in a place on the card."""

    def change(card: dict[str, Any], _: dict[str, torch.Tensor]) -> None:
        for name in path[:-1]:
            card = card[name]
        card[path[-1]] = to

    return change


def wide(n: int) -> list[list[list[list[float]]]]:
    return [[[[0.5]]]] * n


LIES = [
    (spiking, edit("nb_classes", to="many"), "nb_classes"),
    (spiking, edit("nb_classes", to=True), "nb_classes"),
    (spiking, edit("nb_classes", to=4), "logits of shape"),
    (spiking, edit("surprise", to=1), "surprise"),
    (spiking, edit("format", to="pickle"), "format"),
    (spiking, edit("network", "name", to="os.system"), "name to be one of"),
    (spiking, edit("network", "arguments", "width", to=1e4), "another network's weights"),
    (spiking, edit("network", "arguments", "width", to=1e300), "model.safetensors"),
    (spiking, edit("network", "arguments", "width", to="0.25"), "width"),
    (spiking, edit("network", "arguments", "neuron", to=["lif"]), "neuron"),
    (spiking, edit("network", "arguments", "seed", to=True), "seed"),
    (spiking, edit("network", "arguments", "pool", to="min"), "pool"),
    (spiking, edit("network", "arguments", "self", to=1), "self"),
    (spiking, edit("network", "arguments", to={}), "in_channels"),
    (spiking, edit("module", "timesteps", to=10**8), "timesteps"),
    (spiking, edit("module", "timesteps", to=0), "timesteps"),
    (spiking, edit("module", "timesteps", to="2"), "timesteps"),
    (spiking, edit("module", "accelerate", to=False), "accelerate"),
    (spiking, edit("module", "seed", to=-1), "seed"),
    (spiking, edit("module", to=None), "describe a SpikingModule"),
    (spiking, edit("settings", "timesteps", to=10**8), "timesteps"),
    (spiking, edit("settings", "optimizer", to="SGD"), "optimizer"),
    (spiking, edit("input_shape", to=[1, 10**6, 10**6]), "numbers at once .* in all time steps"),
    (spiking, edit("input_shape", to=[1, 2048, 2048]), "numbers at once .* in the output of a"),
    (spiking, edit("input_shape", to=[1, -8, 8]), "input_shape"),
    (spiking, edit("input_shape", to=[1, 8.5, 8]), "input_shape"),
    (spiking, edit("input_shape", to=[]), "input_shape"),
    (spiking, edit("preprocessing", to=[0.0, 0.0]), "a std above 0"),
    (spiking, edit("preprocessing", to=[0.0, 1e-60]), "a std above 0"),
    (spiking, edit("preprocessing", to=[0.0, float("nan")]), "preprocessing"),
    (spiking, edit("preprocessing", to=[1e300, 1.0]), "finite in float32"),
    (spiking, edit("preprocessing", to=["0", "1"]), "preprocessing"),
    (spiking, edit("preprocessing", to=[[0.0, 0.0], [1.0]]), "preprocessing"),
    (spiking, edit("preprocessing", to=[[0.0], 1.0]), "one shape"),
    (spiking, edit("preprocessing", to=[wide(1_000), wide(1_000)]), "fit samples of shape"),  # 1,000 times a batch
    (spiking, edit("preprocessing", to=[[[0.0], [0.0, 1.0]], 1.0]), "preprocessing"),
    (spiking, edit("clip_values", to=[wide(1_000), 1.0]), "fit samples of shape"),
    (spiking, edit("clip_values", to=[1.0, 0.0]), "above the smallest"),
    (spiking, edit("clip_values", to=[0.0, float("inf")]), "clip_values"),
    (
        spiking,
        lambda _, tensors: tensors["fc1.weight"][0].fill_(np.nan),
        "finite weights, got NaN or infinity in fc1",
    ),
    (spiking, lambda _, tensors: tensors.pop("fc1.weight"), "fc1.weight to be .*, got no tensor"),
    (spiking, lambda _, tensors: tensors.update(surplus=torch.zeros(1)), "surplus to be no tensor"),
    (
        spiking,
        lambda _, tensors: tensors.update({"fc2.bias": tensors["fc2.bias"].double()}),
        "float32.*, got float64",
    ),
    (ann, edit("module", to={}), "module"),
    (ann, edit("input_shape", to=[1, 2048, 2048]), "numbers at once .* in the output of a"),
    (ann, edit("preprocessing", to=[wide(1_000), wide(1_000)]), "fit samples of shape"),
    (hybrid, edit("settings", "timesteps", to=10**8), "timesteps"),
    (hybrid, edit("settings", "leak", to=float("nan")), "leak"),
    (hybrid, edit("settings", "leak", to=2.0), "leak"),
    (hybrid, edit("settings", "scale", to=-1.0), "scale"),
    (hybrid, edit("settings", "n_calibration", to=1.5), "n_calibration"),
    (hybrid, edit("settings", "nb_epochs_snn", to=True), "nb_epochs_snn"),
    (hybrid, edit("settings", "surrogate", to="eval"), "surrogate"),
    (hybrid, edit("settings", "method", to="pickle"), "method"),
    (hybrid, edit("settings", to={}), "method"),
    (hybrid, edit("module", "seed", to=3), "module as a HybridClassifier has it"),
    (hybrid, edit("module", "timesteps", to=None), "timesteps"),
]


@pytest.mark.parametrize(("make", "change", "message"), LIES, ids=[f"{i}-{lie[2]}" for i, lie in enumerate(LIES)])
def test_a_card_that_lies_is_refused_by_name(make: Any, change: Change, message: str, tmp_path: Path) -> None:
    path = forged(make, tmp_path, change)
    with pytest.raises(ValueError, match=message) as refused:
        KINDS[make].load(str(tmp_path / "model"))
    assert str(refused.value).startswith(f"{path}: ")
    assert len(str(refused.value)) < len(str(path)) + 510


def chain() -> nn.Module:
    return nn.Sequential(*small_cnn(1, K, neuron="lif", width=0.25).children())


def of_chain() -> SpikingClassifier:
    return SpikingClassifier(SpikingModule(chain(), 2), nn.CrossEntropyLoss(), SHAPE, K)


def of_frames() -> SpikingClassifier:
    module = SpikingModule(event_net(2, K, neuron="lif", width=0.05))
    return SpikingClassifier(module, nn.CrossEntropyLoss(), (2, 2, 8, 8), K)


def test_a_network_handed_over_is_bounded_by_its_own_layers(tmp_path: Path) -> None:
    forged(of_chain, tmp_path, edit("input_shape", to=[1, 2048, 2048]))
    with pytest.raises(ValueError, match=r"model\.safetensors: expected at most .* in the output of a"):
        SpikingClassifier.load(str(tmp_path / "model"), net=chain())


def test_frames_are_bounded_over_all_time_steps(tmp_path: Path) -> None:
    forged(of_frames, tmp_path, edit("input_shape", to=[10**6, 2, 64, 64]))
    with pytest.raises(ValueError, match="in all time steps"):
        SpikingClassifier.load(str(tmp_path / "model"))


def test_files_that_hold_no_classifier_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    contents = {
        "safetensors": (b"", b"\x80\x04K\x01.", (2**40).to_bytes(8, "little") + b"{}"),
        "card in the header": (save({"fc1.weight": torch.zeros(2)}),),
        "model": (save({}, {"card": "no card"}), save({}, {"card": "[" * 100_000}), save({}, {"card": "[]"})),
    }
    for message, files in contents.items():
        for content in files:
            path.write_bytes(content)
            with pytest.raises(ValueError, match=message) as refused:
                SpikingClassifier.load(str(tmp_path / "model"))
            assert str(refused.value).startswith(f"{path}: ")


def test_weights_of_another_file_are_refused(tmp_path: Path) -> None:
    spiking().save("model", str(tmp_path))
    tensors, card = unpack(tmp_path / "model.safetensors")
    tensors["fc2.bias"] += 1
    (tmp_path / "model.safetensors").write_bytes(pack(tensors, card))
    with pytest.raises(ValueError, match="SHA-256"):
        SpikingClassifier.load(str(tmp_path / "model"))


def read_or_refused(path: Path) -> SpikingClassifier | None:
    """None where a file is refused by an error that names it."""
    try:
        return SpikingClassifier.load(str(path.with_suffix("")))
    except (ValueError, TypeError) as error:
        if not str(error).startswith(f"{path}: "):
            raise
        return None


def mutated(whole: bytes, kind: str, where: float, byte: int) -> bytes:
    place = int(where * (len(whole) - 1))
    if kind == "cut":
        return whole[:place]
    rest = {"flip": place + 1, "insert": place, "delete": place + 1}[kind]
    new = {"flip": bytes([whole[place] ^ byte]), "insert": bytes([byte]), "delete": b""}[kind]
    return whole[:place] + new + whole[rest:]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    kind=st.sampled_from(["flip", "insert", "delete", "cut"]),
    where=st.one_of(st.floats(0, 0.12), st.floats(0, 1)),  # the header is at the start
    byte=st.integers(1, 255),
)
def test_a_damaged_file_is_refused_or_means_the_same(tmp_path: Path, kind: str, where: float, byte: int) -> None:
    whole = pack(*saved(spiking))
    path = tmp_path / "model.safetensors"
    path.write_bytes(mutated(whole, kind, where, byte))
    if (loaded := read_or_refused(path)) is not None:  # where spaces fill the header up
        loaded.save("again", str(tmp_path))
        assert (tmp_path / "again.safetensors").read_bytes() == whole


VALUES = st.sampled_from(
    [
        None,
        True,
        -1,
        0,
        1,
        2,
        3.5,
        2**31,
        2**63,
        10**40,
        1e308,
        float("nan"),
        "",
        "x",
        "0",
        [],
        {},
        [[]],
        [0, 1],
        {"a": 1},
    ]
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), value=VALUES)
def test_any_value_in_any_place_is_refused_or_comes_back(tmp_path: Path, data: st.DataObject, value: Any) -> None:
    def change(card: dict[str, Any], _: dict[str, torch.Tensor]) -> None:
        where = card
        while True:
            name = data.draw(st.sampled_from(sorted(where)))
            if not isinstance(where[name], dict) or not where[name] or data.draw(st.booleans()):
                break
            where = where[name]
        where[name] = value

    if (loaded := read_or_refused(forged(spiking, tmp_path, change))) is not None:
        loaded.save("again", str(tmp_path))

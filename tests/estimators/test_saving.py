"""Classifiers on disk: what comes back, and how it is written."""

import itertools
import json
import os
import signal
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from art_snn.estimators.classification import (
    AnnClassifier,
    ConvertedClassifier,
    HybridClassifier,
    SpikingClassifier,
    SpikingModule,
)
from art_snn.models import event_net, small_cnn

SHAPE, K = (1, 8, 8), 3
X = np.random.default_rng(0).random((3, *SHAPE), dtype=np.float32)
STANDARD = np.array([0.1], np.float32), np.array([0.5], np.float32)


def make(net: nn.Module | None = None, **settings: Any) -> SpikingClassifier:
    module = SpikingModule(net or small_cnn(1, K, neuron="if", width=0.25), 2, encoding="poisson", seed=5)
    settings = {"clip_values": (0.0, 1.0), "preprocessing": STANDARD, **settings}
    return SpikingClassifier(module, nn.CrossEntropyLoss(), SHAPE, K, **settings)


def of_kind(kind: str) -> tuple[Any, np.ndarray]:
    """A classifier of each class, none of whose settings is the default, and samples."""
    if kind == "spiking":
        return make(), X
    if kind == "frames":
        module = SpikingModule(event_net(2, K, neuron="lif", tau=1.5, width=0.05), 4, readout="last", accelerate=False)
        frames = np.random.default_rng(0).integers(0, 3, (2, 4, 2, 8, 8), dtype=np.uint8)
        return SpikingClassifier(module, nn.MSELoss(), frames.shape[1:], K), frames
    ann = small_cnn(1, K, width=0.25, pool="avg", seed=3)
    if kind == "ann":
        return AnnClassifier(ann, nn.MSELoss(), SHAPE, K, clip_values=(-1.0, 2.0), preprocessing=STANDARD), X
    common = {"timesteps": 3, "method": "robust", "scale": 0.8, "percentile": 99.0, "readout": "sum"}
    if kind == "converted":
        classifier = ConvertedClassifier(ann, nn.CrossEntropyLoss(), SHAPE, K, n_calibration=2, **common)
    else:
        own = {"surrogate": "linear", "leak": 0.9, "train_thresholds": True, "learning_rate": 1e-3, "nb_epochs_snn": 1}
        classifier = HybridClassifier(ann, nn.CrossEntropyLoss(), SHAPE, K, **common, **own)
    classifier.convert(X)
    return classifier, X


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    make().save("model.v1", str(tmp_path))
    return tmp_path / "model.v1"


@pytest.mark.parametrize("kind", ["spiking", "frames", "ann", "converted", "hybrid"])
def test_what_comes_back_answers_alike_and_is_the_same_again(kind: str, tmp_path: Path) -> None:
    classifier, x = of_kind(kind)
    classifier.save("model", str(tmp_path))
    first = (tmp_path / "model.safetensors").read_bytes()

    loaded = type(classifier).load(str(tmp_path / "model"))

    assert np.array_equal(loaded.predict(x), classifier.predict(x))
    assert type(loaded.loss) is type(classifier.loss)
    loaded.save("model", str(tmp_path))
    assert (tmp_path / "model.safetensors").read_bytes() == first
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]


def test_the_card_beside_is_for_people_and_not_looked_at(saved: Path) -> None:
    card = Path(f"{saved}.json")
    assert json.loads(card.read_text())["network"]["name"] == "small_cnn"
    for content in (b"{}", b"not even JSON"):
        card.write_bytes(content)
        assert np.array_equal(SpikingClassifier.load(str(saved)).predict(X), make().predict(X))
    card.unlink()
    assert SpikingClassifier.load(str(saved)).nb_classes == K


def test_a_bare_name_is_looked_for_in_arts_folder(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(saved.parent))
    assert SpikingClassifier.load("model.v1").nb_classes == K


def test_a_missing_file_is_named(saved: Path) -> None:
    Path(f"{saved}.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.v1\.safetensors"):
        SpikingClassifier.load(str(saved))


def test_networks_of_ones_own_are_handed_over_again(tmp_path: Path) -> None:
    own = nn.Sequential(*small_cnn(1, K, neuron="if", width=0.25).children())
    make(own).save("own", str(tmp_path))
    with pytest.raises(TypeError, match=r"own\.safetensors: expected a net"):
        SpikingClassifier.load(str(tmp_path / "own"))
    fresh = nn.Sequential(*small_cnn(1, K, neuron="if", width=0.25, seed=1).children())
    assert np.array_equal(SpikingClassifier.load(str(tmp_path / "own"), net=fresh).predict(X), make().predict(X))


def test_a_network_that_was_operated_on_is_ones_own(tmp_path: Path) -> None:
    operated = make()
    operated.model.net.act1.v_threshold = 0.5  # no weight: the recipe would bring back 1
    operated.save("operated", str(tmp_path))
    with pytest.raises(TypeError, match="expected a net"):
        SpikingClassifier.load(str(tmp_path / "operated"))


def test_networks_that_need_real_numbers_are_loaded_too(tmp_path: Path) -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inside = small_cnn(1, K, neuron="if", width=0.25)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.inside(x * float(x.sum().item() >= 0))

    make(Odd()).save("odd", str(tmp_path))
    assert np.array_equal(SpikingClassifier.load(str(tmp_path / "odd"), net=Odd()).predict(X), make(Odd()).predict(X))


def test_hooks_of_ones_own_see_nothing_of_saving(tmp_path: Path) -> None:
    classifier, seen = make(), []
    classifier.model.net.fc1.register_forward_hook(lambda *call: seen.append(call))
    classifier.save("model", str(tmp_path))
    assert seen == []


def test_tied_weights_are_written_and_read(tmp_path: Path) -> None:
    def tied() -> nn.Module:
        net = small_cnn(1, K, neuron="if", width=0.25)
        net.norm1.bias = net.norm1.weight
        return nn.Sequential(*net.children())

    make(tied()).save("tied", str(tmp_path))
    assert np.array_equal(
        SpikingClassifier.load(str(tmp_path / "tied"), net=tied()).predict(X), make(tied()).predict(X)
    )


def test_losses_that_a_card_cannot_name_are_handed_over_again(tmp_path: Path) -> None:
    classifier = make()
    classifier._loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    classifier.save("smooth", str(tmp_path))
    with pytest.raises(TypeError, match=r"smooth\.safetensors: expected a loss"):
        SpikingClassifier.load(str(tmp_path / "smooth"))
    assert SpikingClassifier.load(str(tmp_path / "smooth"), loss=nn.MSELoss()).loss.reduction == "mean"


def test_what_cannot_come_back_is_not_written(tmp_path: Path) -> None:
    from art.defences.preprocessor import SpatialSmoothing

    diverged, operated = make(), of_kind("converted")[0]
    diverged.model.net.fc1.weight.data[0, 0] = np.nan
    operated.model.net.act1.node.v_threshold = 0.5
    unsavable = {
        "defences": make(preprocessing_defences=SpatialSmoothing(channels_first=True)),
        "finite weights, got NaN or infinity in fc1.weight": diverged,
        "a std above 0": make(preprocessing=(0.0, 0.0)),
        "operated on": operated,
        "which a card cannot hold": make(preprocessing=SpatialSmoothing(channels_first=True)),
    }
    for message, classifier in unsavable.items():
        with pytest.raises(ValueError, match=message):
            classifier.save("model", str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_planted_links_and_left_overs_are_not_written_through(tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"precious")
    for name in ("model.safetensors", "model.json", "model.safetensors.partial", "model.json.partial"):
        (tmp_path / name).symlink_to(victim)
    make().save("model", str(tmp_path))
    assert victim.read_bytes() == b"precious"
    assert SpikingClassifier.load(str(tmp_path / "model")).nb_classes == K


def test_what_is_no_regular_file_is_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.safetensors")
    (tmp_path / "endless.safetensors").symlink_to("/dev/zero")
    for name in ("pipe", "endless"):
        with pytest.raises(ValueError, match=rf"{name}\.safetensors.* a regular file"):
            SpikingClassifier.load(str(tmp_path / name))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.parametrize("moment", range(4))
def test_a_kill_at_any_moment_leaves_a_model_that_loads(saved: Path, moment: int) -> None:
    """The process dies before its files or their names are on the disk: the old model is there, or the new one."""
    new = make()
    new.model.net.fc2.bias.data.fill_(7)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of forking beside threads
        child = os.fork()
    if child == 0:
        moments = itertools.count()
        os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL) if next(moments) == moment else None
        new.save("model.v1", str(saved.parent))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    bias = SpikingClassifier.load(str(saved)).model.net.fc2.bias
    assert (bias == 7).all().item() == (moment > 0)

"""Classifiers on disk: what comes back, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch import nn

from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.models import small_cnn

X = np.random.default_rng(0).random((3, 1, 8, 8), dtype=np.float32)


def make(net: nn.Module | None = None) -> SpikingClassifier:
    module = SpikingModule(net or small_cnn(1, 3, neuron="if", width=0.25), 2, encoding="poisson", seed=5)
    standard = np.array([0.1], np.float32), np.array([0.5], np.float32)
    return SpikingClassifier(
        module, nn.CrossEntropyLoss(), (1, 8, 8), 3, clip_values=(0.0, 1.0), preprocessing=standard
    )


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    make().save("model.v1", str(tmp_path))
    return tmp_path / "model.v1"


def test_what_comes_back_answers_alike(saved: Path) -> None:
    loaded = SpikingClassifier.load(str(saved))
    assert np.array_equal(loaded.predict(X), make().predict(X))
    assert loaded.clip_values.tolist() == [0, 1]
    assert loaded.input_shape == (1, 8, 8)
    assert sorted(path.name for path in saved.parent.iterdir()) == ["model.v1.json", "model.v1.safetensors"]


def test_a_bare_name_is_looked_for_in_arts_folder(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(saved.parent))
    assert SpikingClassifier.load("model.v1").nb_classes == 3


def test_networks_of_ones_own_are_handed_over_again(tmp_path: Path) -> None:
    own = nn.Sequential(*small_cnn(1, 3, neuron="if", width=0.25).children())
    make(own).save("own", str(tmp_path))
    with pytest.raises(TypeError, match="expected a net"):
        SpikingClassifier.load(str(tmp_path / "own"))
    fresh = nn.Sequential(*small_cnn(1, 3, neuron="if", width=0.25, seed=1).children())
    assert np.array_equal(SpikingClassifier.load(str(tmp_path / "own"), net=fresh).predict(X), make().predict(X))


def test_losses_that_a_card_cannot_name_are_handed_over_again(tmp_path: Path) -> None:
    classifier = make()
    classifier._loss = nn.CrossEntropyLoss(label_smoothing=0.1)
    classifier.save("smooth", str(tmp_path))
    with pytest.raises(TypeError, match="expected a loss"):
        SpikingClassifier.load(str(tmp_path / "smooth"))
    assert SpikingClassifier.load(str(tmp_path / "smooth"), loss=nn.MSELoss()).loss.reduction == "mean"


def test_a_missing_file_is_named(saved: Path) -> None:
    Path(f"{saved}.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"model\.v1\.json"):
        SpikingClassifier.load(str(saved))


def _edit(saved: Path, change: Callable[[dict], None]) -> None:
    card = json.loads(Path(f"{saved}.json").read_text())
    change(card)
    Path(f"{saved}.json").write_text(json.dumps(card))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda card: card.update(sha256="0" * 64), "sha256"),
        (lambda card: card.update(nb_classes="many"), "nb_classes"),
        (lambda card: card.update(surprise=1), "surprise"),
        (lambda card: card["network"]["arguments"].update(width=1e4), "another network's weights"),
        (lambda card: card["network"].update(name="os.system"), "name to be one of"),
        (lambda card: card.update(format="pickle"), "format"),
        (lambda card: card["module"].update(timesteps=10**8), "timesteps"),
        (lambda card: card["module"].update(timesteps=0), "timesteps"),
        (lambda card: card["settings"].update(timesteps=10**8), "expected settings of 2 timesteps, got 100000000"),
        (lambda card: card.update(input_shape=[1, 10**6, 10**6]), "numbers a time step"),
        (lambda card: card.update(input_shape=[1, 4096, 4096]) or card["module"].update(timesteps=32), "in all, got"),
        (lambda card: card.update(input_shape=[1, -8, 8]), "input_shape"),
    ],
)
def test_a_card_that_lies_is_refused(saved: Path, change: Callable[[dict], None], message: str | None) -> None:
    _edit(saved, change)
    with pytest.raises(ValueError, match=message):
        SpikingClassifier.load(str(saved))


def test_weights_that_were_damaged_or_exchanged_are_refused(saved: Path) -> None:
    weights = Path(f"{saved}.safetensors")
    whole = weights.read_bytes()
    for content in (whole[:-1], whole[:40], b"", b"\x80\x04K\x01."):
        weights.write_bytes(content)
        with pytest.raises(ValueError, match="sha256"):
            SpikingClassifier.load(str(saved))
    other = save({"conv1.weight": torch.zeros(2)})
    weights.write_bytes(other)
    import hashlib

    _edit(saved, lambda card: card.update(sha256=hashlib.sha256(other).hexdigest()))
    with pytest.raises(ValueError, match="another network's weights"):
        SpikingClassifier.load(str(saved))


def test_defences_are_not_dropped_in_silence(tmp_path: Path) -> None:
    from art.defences.preprocessor import SpatialSmoothing

    module = SpikingModule(small_cnn(1, 3, neuron="if", width=0.25), 2)
    classifier = SpikingClassifier(
        module, nn.CrossEntropyLoss(), (1, 8, 8), 3, preprocessing_defences=SpatialSmoothing(channels_first=True)
    )
    with pytest.raises(ValueError, match="defences"):
        classifier.save("model", str(tmp_path))
    assert list(tmp_path.iterdir()) == []

"""Copies, clones, resets and files of classifiers that hold two networks."""

import copy
import os
import pickle

import numpy as np
import pytest
import torch

from art_snn.estimators.classification import ConvertedClassifier, HybridClassifier
from tests.estimators.rules import BOTH, classifier, converted, weights


@BOTH
def test_copies_answer_alike_and_leave_no_files(kind, x, y, tmp_path, monkeypatch):
    monkeypatch.setattr("art.config.ART_DATA_PATH", str(tmp_path))
    spiking = classifier(kind)
    spiking.fit(x, y, nb_epochs=1)
    spiking.loss_gradient(x, y)
    for other in (copy.deepcopy(spiking), pickle.loads(pickle.dumps(spiking))):  # noqa: S301 - our own
        assert np.array_equal(other.predict(x), spiking.predict(x))
        assert np.array_equal(other.ann.predict(x), spiking.ann.predict(x))
    assert os.listdir(tmp_path) == []


@BOTH
def test_a_clone_refits_its_own_ann_and_converts_again(kind, x, y):
    spiking = classifier(kind)
    spiking.fit(x, y, nb_epochs=2)
    before = weights(spiking.model), weights(spiking.ann.model)

    clone = spiking.clone_for_refitting()
    assert set(clone.thresholds.values()) == {1.0}
    assert not torch.equal(weights(clone.ann.model), before[1])
    clone.fit(x, y, nb_epochs=2)

    assert type(clone) is kind
    assert torch.equal(weights(spiking.model), before[0])
    assert torch.equal(weights(spiking.ann.model), before[1])
    fresh = classifier(kind).clone_for_refitting()  # whose optimisers never had anything to remember
    fresh.fit(x, y, nb_epochs=2)
    assert torch.equal(weights(fresh.model), weights(clone.model))
    assert set(clone.thresholds.values()) != {1.0}


def test_reset_draws_other_weights_for_another_seed(x):
    spiking = converted(ConvertedClassifier, x)
    drawn = []
    for seed in (0, 0, 1):
        spiking.reset(seed)
        drawn.append(weights(spiking.model))
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])


@BOTH
def test_after_a_reset_training_is_as_if_it_were_the_first(kind, x, y):
    used, fresh = classifier(kind), classifier(kind)
    used.fit(x, y, nb_epochs=2)

    for spiking in (used, fresh):
        spiking.reset(seed=1)
        spiking.fit(x, y, nb_epochs=2)

    assert torch.equal(weights(used.model), weights(fresh.model))
    assert torch.equal(weights(used.ann.model), weights(fresh.ann.model))


@BOTH
def test_save_and_load_bring_back_both_networks_and_all_settings(kind, x, y, tmp_path):
    own = {"surrogate": "linear", "leak": 0.9, "learning_rate": 1e-3} if kind is HybridClassifier else {}
    spiking = classifier(kind, method="robust", scale=0.8, percentile=98.5, readout="sum", **own)
    spiking.fit(x, y, nb_epochs=1)

    spiking.save("saved", str(tmp_path))
    other = kind.load(str(tmp_path / "saved"))

    assert sorted(os.listdir(tmp_path)) == ["saved.json", "saved.safetensors"]
    assert np.array_equal(other.predict(x), spiking.predict(x))
    assert np.array_equal(other.ann.predict(x), spiking.ann.predict(x))
    assert repr(other.model) == repr(spiking.model)
    assert all(getattr(other, name) == getattr(spiking, name) for name in kind._setting_names)


def test_a_card_is_loaded_by_its_own_class_only(x, tmp_path):
    converted(ConvertedClassifier, x).save("saved", str(tmp_path))
    with pytest.raises(ValueError, match=r"saved\.safetensors: expected a HybridClassifier, got a ConvertedClassifier"):
        HybridClassifier.load(str(tmp_path / "saved"))

"""ART's own attacks with a trigger backdoor as theirs."""

import numpy as np
import pytest
import torch
from art.attacks.poisoning import (
    HiddenTriggerBackdoor,
    PoisoningAttackCleanLabelBackdoor,
)
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.attacks.poisoning import (
    TriggerBackdoor,
)
from art_snn.typing import Images
from tests.attacks import K, N


@pytest.fixture
def classifier() -> PyTorchClassifier:
    """An untrained network; the hidden layer is what the hidden-trigger attack looks at."""
    with host_seed(0):
        model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), nn.Linear(8, K))
    loss, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters())
    return PyTorchClassifier(model, loss, (1, 6, 6), K, optimizer, clip_values=(0.0, 1.0), device_type="cpu")


def test_arts_clean_label_attack_takes_it(attack: TriggerBackdoor, classifier: PyTorchClassifier, x: Images) -> None:
    labels = np.eye(K, dtype=np.float32)[np.arange(N) % K]
    clean_label = PoisoningAttackCleanLabelBackdoor(attack, classifier, labels[1], pp_poison=0.5, max_iter=2)

    with host_seed(0):
        x_poison, y_poison = clean_label.poison(x, labels)

    changed = (x_poison != x).any(axis=(1, 2, 3))
    assert np.array_equal(y_poison, labels)
    assert changed.any()
    assert (labels.argmax(axis=1)[changed] == 1).all()
    assert (x_poison[changed][..., -2:, -2:] == 1).all()


def test_arts_hidden_trigger_attack_takes_it(
    attack: TriggerBackdoor, classifier: PyTorchClassifier, x: Images, capsys: pytest.CaptureFixture[str]
) -> None:
    labels = np.eye(K, dtype=np.float32)[np.arange(N) % K]
    hidden = HiddenTriggerBackdoor(
        classifier, labels[1], labels[2], 1, attack, max_iter=2, poison_percent=0.3, verbose=False
    )

    with host_seed(0):
        x_poison, rows = hidden.poison(x, labels)

    assert len(x_poison) == len(rows) == 3
    assert (rows % K == 1).all()
    assert not np.array_equal(x_poison, x[rows])
    assert "Max_Loss" in capsys.readouterr().out  # ART prints; it is kept off the screen here

"""What a sweep will take: each step of a training by itself, and nothing that is there already."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from art_snn.data import Dataset
from art_snn.estimators.classification import HybridClassifier
from art_snn.evaluations.resource_use import Cost
from art_snn.experiment import building
from art_snn.sweep import Sweep
from art_snn.sweep.estimate import estimate
from tests.backdoored import bars

BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")
SMALL = {"network": {"width": 0.25}, "training": {"epochs": 2, "batch_size": 32}}
N_BATCHES = 160 // 32


@pytest.fixture(autouse=True)
def bars_for_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "load_dataset", lambda *_args, **_options: BARS)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch takes the ANN of a hybrid classifier 1 s, and its spiking network 100 s."""
    now = [0.0]

    def taking(seconds: float) -> Any:
        def fit(_: object, x: Any, *_rest: object, batch_size: int, **_others: object) -> None:
            now[0] += seconds * len(x) / batch_size

        return fit

    @contextmanager
    def measured() -> Iterator[Cost]:
        cost, began = Cost(peak_memory=0.0), now[0]
        yield cost
        cost.seconds = now[0] - began

    monkeypatch.setattr(HybridClassifier, "fit_ann", taking(1.0))
    monkeypatch.setattr(HybridClassifier, "fit_snn", taking(100.0))
    monkeypatch.setattr("art_snn.sweep.estimate.measured_cost", measured)


@pytest.mark.usefixtures("clock")
def test_each_step_of_a_training_counts_once(tmp_path: Path) -> None:
    sweep = Sweep({**SMALL, "models": [{"rule": "hybrid", "timesteps": 2, "nb_epochs_snn": 3}]})

    found = estimate(sweep, tmp_path)

    assert found.n_trainings == 4, "clean and poisoned, of an ANN and of a spiking network"
    assert found.seconds == 2 * (2 * N_BATCHES * 1.0 + 3 * N_BATCHES * 100.0)


def test_what_is_there_already_does_not_count(tmp_path: Path) -> None:
    sweep = Sweep({**SMALL, "models": ["ann"], "grid": {"attack.percent_poison": [0.1, 0.2]}})
    sweep.run(tmp_path, verbose=False)
    before = sorted(tmp_path.rglob("*"))

    found = estimate(sweep, tmp_path)
    assert (found.n_cells, found.n_kept, found.n_trainings, found.seconds) == (0, 2, 0, 0)

    one, _ = (tmp_path / "cells").iterdir()
    one.unlink()
    found = estimate(sweep, tmp_path)
    assert (found.n_cells, found.n_kept, found.n_trainings, found.n_trainings_kept) == (1, 1, 0, 2)
    assert sorted(tmp_path.rglob("*")) == [path for path in before if path != one]

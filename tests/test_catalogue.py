"""The catalogue: everything public is in it, everything in it builds and says where it comes from."""

import dataclasses
import inspect
import runpy
from functools import partial
from pathlib import Path

import pytest
from art.attacks import PoisoningAttack
from art.defences.detector.poison import PoisonFilteringDefence
from art.defences.preprocessor import Preprocessor
from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier

from art_snn import catalogue, data
from art_snn.attacks import poisoning
from art_snn.defences import detector, preprocessor, trainer, transformer
from art_snn.defences.detector.model_detector import ModelDetector
from art_snn.estimators import classification
from art_snn.testing.examples import example_arguments

CLASSES = {
    name: entry
    for kind in (
        catalogue.TRIGGERS,
        catalogue.ATTACKS,
        catalogue.ESTIMATORS,
        catalogue.SAMPLE_DETECTORS,
        catalogue.MODEL_DETECTORS,
        catalogue.ELIMINATIONS,
        catalogue.FILTERS,
    )
    for name, entry in kind.items()
}
EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.py"))


def _public(module: object, wanted: type) -> set[type]:
    """The concrete classes of a kind that a module exports."""
    exported = (getattr(module, name) for name in module.__all__)
    return {thing for thing in exported if inspect.isclass(thing) and issubclass(thing, wanted)}


def test_the_catalogue_holds_every_public_class() -> None:
    values = {one for one in map(poisoning.__dict__.get, poisoning.__all__) if dataclasses.is_dataclass(one)}
    triggers = {one for one in values if any("__call__" in vars(kind) for kind in one.__mro__)}
    assert set(catalogue.TRIGGERS.values()) == triggers
    assert set(catalogue.ATTACKS.values()) == _public(poisoning, PoisoningAttack)
    assert set(catalogue.ESTIMATORS.values()) == _public(classification, PyTorchClassifier)
    assert set(catalogue.SAMPLE_DETECTORS.values()) == _public(detector, PoisonFilteringDefence)
    assert set(catalogue.MODEL_DETECTORS.values()) == _public(detector, ModelDetector)
    assert set(catalogue.ELIMINATIONS.values()) == _public(transformer, Transformer) | _public(trainer, Trainer)
    assert set(catalogue.FILTERS.values()) == _public(preprocessor, Preprocessor)


@pytest.mark.parametrize("name", CLASSES)
def test_every_entry_builds_from_its_example_arguments(name: str) -> None:
    assert isinstance(CLASSES[name](**example_arguments(name)), CLASSES[name])


@pytest.mark.parametrize("name", CLASSES)
def test_every_entry_says_where_it_comes_from(name: str) -> None:
    assert "Source:" in (CLASSES[name].__doc__ or "")


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_runs(
    example: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(data, "load_dataset", partial(data.load_dataset, limit=250))  # the same steps in less time
    runpy.run_path(str(example), run_name="__main__")
    assert capsys.readouterr().out

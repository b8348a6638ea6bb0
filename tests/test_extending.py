"""A trigger, a detector of samples, one of models and a network are added in a few lines, as the page of docs says."""

import inspect
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import nn

from art_snn import catalogue
from art_snn import testing as laws
from art_snn.attacks.poisoning import TriggerBackdoor
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from art_snn.evaluations import BackdoorEvaluation, DetectionEvaluation, ModelDetectionEvaluation
from art_snn.events import make_events
from art_snn.models import build
from art_snn.typing import Array, Indices
from tests.extensions import MeanDistanceDefence, NoiseDefence, ReadoutClassifier, RowTrigger, TwoLayers, two_layers

PAGE = Path(__file__).parent.parent / "docs" / "extending.md"
K, T, SIDE, TARGET = 3, 3, 8, 0
TOYS = {  # by the heading of the page
    "trigger": RowTrigger,
    "sample detector": MeanDistanceDefence,
    "model detector": NoiseDefence,
    "network": TwoLayers,
    "learning rule": ReadoutClassifier,
}


@pytest.fixture(scope="module", autouse=True)
def _catalogued() -> Iterator[None]:
    """One line of the catalogue each."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(catalogue.TRIGGERS, "row", RowTrigger)
        patch.setitem(catalogue.SAMPLE_DETECTORS, "mean-distance", MeanDistanceDefence)
        patch.setitem(catalogue.MODEL_DETECTORS, "noise", NoiseDefence)
        patch.setitem(catalogue.NETWORKS, "two_layers", two_layers)
        yield


def stripes(n: int = 60, seed: int = 0) -> tuple[Array, Indices]:
    """Frames (n, T, 2, 8, 8): events everywhere, and more in the rows of the class, in the lower half."""
    x = np.random.default_rng(seed).poisson(0.05, (n, T, 2, SIDE, SIDE))
    y = np.arange(n) % K
    for label in range(K):
        x[y == label, :, :, 2 * label + 2 : 2 * label + 4] += 1
    return x.astype(np.uint8), y


def classifier(neuron: str | None = "lif") -> SpikingClassifier:
    """The toy network with any neuron, untrained."""
    net = build("two_layers", in_channels=2, nb_classes=K, neuron=neuron)
    return SpikingClassifier(SpikingModule(net, T), nn.CrossEntropyLoss(), (T, 2, SIDE, SIDE), K)


@pytest.fixture(scope="module")
def evaluation() -> BackdoorEvaluation:
    """The toy network, trained under the toy trigger."""
    attack = TriggerBackdoor(catalogue.TRIGGERS["row"](), TARGET, percent_poison=0.2)
    found = BackdoorEvaluation(attack, {"toy": classifier()})
    found.evaluate(*stripes(), *stripes(30, seed=1), verbose=False, batch_size=10, nb_epochs=25)
    return found


def test_a_new_trigger_obeys_the_laws() -> None:
    trigger, (x, _) = catalogue.TRIGGERS["row"](), stripes(4)
    laws.check_trigger_keeps_shape_and_dtype(trigger, x)
    laws.check_trigger_leaves_input_alone(trigger, x)
    laws.check_trigger_repeats_itself(trigger, x)
    laws.check_trigger_treats_samples_alone(trigger, x)
    laws.check_trigger_stays_within(trigger, x, 0, max(1, x.max()))
    laws.check_trigger_changes_something(trigger, x)
    laws.check_trigger_is_a_value(trigger, x)
    laws.check_trigger_rejects_axes(trigger, x)
    rng = np.random.default_rng(0)
    events = make_events(rng.integers(0, SIDE, 50), rng.integers(0, SIDE, 50), np.arange(50) * 60, np.arange(50) % 2)
    laws.check_trigger_agrees_on_events(trigger, events, (SIDE, SIDE), T, (0, 3000))


def test_a_new_sample_detector_obeys_the_laws(evaluation: BackdoorEvaluation) -> None:
    make: Callable[..., Any] = catalogue.SAMPLE_DETECTORS["mean-distance"]
    backdoored, poisoned = evaluation.trained["toy"].backdoored, evaluation.attack.poison_dataset(*stripes())
    x, y = poisoned.x.astype(np.float32), poisoned.y
    laws.check_detector_answers(make(backdoored, x, y))
    laws.check_detector_evaluates(make(backdoored, x, y), poisoned.is_poison)
    laws.check_detector_repeats_itself(make, backdoored, x, y)
    laws.check_detector_scores_samples_alone(make(backdoored, x, y), x[:5])
    laws.check_detector_leaves_classifier_and_data_alone(make, backdoored, x, y)
    laws.check_detector_params(make(backdoored, x, y))


def test_a_new_model_detector_obeys_the_laws(evaluation: BackdoorEvaluation) -> None:
    make, (x, y) = catalogue.MODEL_DETECTORS["noise"], stripes(6)
    backdoored = evaluation.trained["toy"].backdoored
    laws.check_model_detector_reports(make(backdoored), x, y)
    laws.check_model_detector_repeats_itself(lambda: make(backdoored), x, y)
    laws.check_model_detector_leaves_classifier_alone(make(backdoored), x, y)
    laws.check_model_detector_params(make(backdoored))


def test_a_new_network_obeys_the_laws_of_classifiers(evaluation: BackdoorEvaluation) -> None:
    clean, (x, _) = evaluation.trained["toy"].clean, stripes(12, seed=1)
    laws.check_tells_samples_apart(clean, x)
    laws.check_answers_alike_twice(clean, x)
    laws.check_ignores_batch_size(clean, x)
    laws.check_follows_the_order(clean, x)
    assert [name for name, _ in build("two_layers", in_channels=2, nb_classes=K).named_parameters()] == [
        name for name, _ in classifier().model.net.named_parameters()
    ]


def test_evaluations_take_all_of_them(evaluation: BackdoorEvaluation) -> None:
    detection = DetectionEvaluation(
        evaluation.attack, evaluation.trained, {"mean-distance": catalogue.SAMPLE_DETECTORS["mean-distance"]}
    )
    of_models = ModelDetectionEvaluation(
        evaluation.attack, evaluation.trained, {"noise": catalogue.MODEL_DETECTORS["noise"]}
    )

    (found,) = detection.evaluate(*stripes(), verbose=False)
    (examined,) = of_models.evaluate(*stripes(12, seed=1), verbose=False)

    assert found.auroc_in_class > 0.9
    assert found.n_poison == 12
    assert (examined.is_accused, examined.target_class, examined.is_clean_accused) == (True, TARGET, False)


def test_the_page_shows_this_code_and_counts_its_lines() -> None:
    page = PAGE.read_text()
    sources = {name: inspect.getsource(toy).rstrip() for name, toy in TOYS.items()}
    counted = re.findall(r"^\| \[([a-z ]+)\]\(#adding-a-([a-z-]+)\) \|[^|]*\|[^|]*\| (\d+) \|", page, re.M)

    assert re.findall(r"```python\n(.*?)\n```", page, re.S) == list(sources.values())
    assert counted == [
        (name, name.replace(" ", "-"), str(len(source.splitlines()))) for name, source in sources.items()
    ]
    for name in TOYS:
        section = page.partition(f"## Adding a {name}\n")[2].partition("\n## ")[0]
        assert re.findall(r"^(\d)\. \*\*", section, re.M) == ["1", "2", "3", "4"]


def test_every_file_and_name_on_the_page_exists() -> None:
    page = PAGE.read_text()
    files = set(re.findall(r"`((?:art_snn|tests)/[\w/.]+)", page))
    wanted = set(re.findall(r"laws\.(check_\w+)", page))

    assert files
    assert wanted
    assert [name for name in sorted(files) if not (PAGE.parent.parent / name).exists()] == []
    assert [name for name in sorted(wanted) if not hasattr(laws, name)] == []

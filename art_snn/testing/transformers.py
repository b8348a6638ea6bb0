"""Laws of defences that make a new classifier: ART's transformers and trainers.

`eliminate` makes it from a given classifier, see `art_snn.evaluations.eliminate`.
"""

from collections.abc import Callable
from functools import partial

import torch
from art.defences.trainer import Trainer
from art.defences.transformer import Transformer
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._random import host_seed
from art_snn.estimators.classification import ConvertedClassifier
from art_snn.estimators.classification.mode import mode
from art_snn.metrics import accuracy
from art_snn.testing._defences import check_params_of, weights_kept
from art_snn.testing.classifiers import check_restores_the_mode
from art_snn.typing import Array, Labels

Eliminate = Callable[[PyTorchClassifier], PyTorchClassifier]


def check_elimination_gives_a_new_classifier(eliminate: Eliminate, given: PyTorchClassifier) -> None:
    """The new classifier has the same type, shares no weights with the given one, and its optimiser trains its own."""
    new = eliminate(given)
    assert type(new) is type(given), f"a {type(given).__name__} became a {type(new).__name__}"
    own, others = ({id(p) for net in _networks(c) for p in net.parameters()} for c in (new, given))
    assert new is not given, "it is the one given"
    assert not own & others, "it shares weights with the one given"
    trained = {id(parameter) for group in new.optimizer.param_groups for parameter in group["params"]}
    assert trained <= own, "its optimiser trains something else"
    assert trained, "its optimiser trains nothing"


def check_elimination_leaves_the_given_alone(eliminate: Eliminate, given: PyTorchClassifier) -> None:
    """The given classifier keeps its weights, statistics, mode and structure."""
    structure = repr(given.model)
    with weights_kept(given):
        check_restores_the_mode(given, partial(eliminate, given))
    assert repr(given.model) == structure, "its structure was changed"


def check_elimination_keeps_the_mode(eliminate: Eliminate, given: PyTorchClassifier) -> None:
    """The new classifier is in the mode of the given one."""
    for training in (True, False):
        with mode(given.model, training):
            assert eliminate(given).model.training is training, "the new classifier is in another mode"


def check_elimination_repeats_itself(eliminate: Eliminate, given: PyTorchClassifier) -> None:
    """A second call gives the same weights to the last bit."""
    first, second = (eliminate(given).model.state_dict() for _ in range(2))
    assert all(torch.equal(value, second[name]) for name, value in first.items()), "a second call gives other weights"


def check_elimination_keeps_accuracy(
    eliminate: Eliminate, given: PyTorchClassifier, x: Array, y: Labels, *, bound: float
) -> None:
    """It lowers the accuracy on clean samples by at most `bound`."""
    with host_seed(0):  # ART's own predict draws from the global stream
        before, after = (accuracy(y, classifier.predict(x)) for classifier in (given, eliminate(given)))
    assert before - after <= bound, f"accuracy fell from {before} to {after}"


def check_elimination_params(defence: Transformer | Trainer) -> None:
    """`params` are the constructor's arguments without the classifier, and a misspelt one is refused."""
    check_params_of(defence, defence.get_classifier())


def _networks(classifier: PyTorchClassifier) -> list[nn.Module]:
    """Networks that a classifier trains: its model, and the ANN if it is converted from one."""
    return [classifier.model, *([classifier.ann.model] if isinstance(classifier, ConvertedClassifier) else [])]

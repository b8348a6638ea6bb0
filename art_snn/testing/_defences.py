"""What the laws of several kinds of defences have in common."""

import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from art.estimators.classification import PyTorchClassifier

from art_snn.testing._raising import check_refuses_unknown


@contextmanager
def weights_kept(classifier: PyTorchClassifier) -> Iterator[None]:
    """The block leaves a classifier's weights and statistics as they were."""
    before = {name: value.clone() for name, value in classifier.model.state_dict().items()}
    yield
    after = classifier.model.state_dict()
    assert after.keys() == before.keys(), "its state has other entries"
    changed = [name for name, value in after.items() if not torch.equal(value, before[name])]
    assert not changed, f"changed: {changed}"


def check_params_of(defence: Any, classifier: PyTorchClassifier, *methods: Callable[..., object]) -> None:
    """`params` are the constructor's arguments but the classifier; it, `set_params` and `methods` refuse others.

    Args:
        defence: A defence of this classifier.
        classifier: What its constructor takes first.
        *methods: Further methods that take parameters.
    """
    arguments = list(inspect.signature(type(defence)).parameters)[1:]
    assert defence.params == arguments, f"params {defence.params}, arguments {arguments}"
    before = defence.get_params()
    assert type(defence)(classifier, **before).get_params() == before, "its own parameters make another"
    check_refuses_unknown(type(defence), classifier)
    for method in (defence.set_params, *methods):
        check_refuses_unknown(method)
    assert defence.get_params() == before, "parameters were changed"

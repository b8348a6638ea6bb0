"""Laws of classifiers under ART's interface, spiking ones above all.

`x` are samples that the classifier tells apart: call `check_tells_samples_apart` first, as a network that never spikes
would pass every other law.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier

from art_snn.typing import Array, Labels

_CLOSE = 1e-5  # for another batch size convolutions sum in another order


def check_tells_samples_apart(classifier: PyTorchClassifier, x: Array) -> None:
    """Different samples get different logits; a silent network would prove nothing."""
    logits = classifier.predict(x)
    assert np.ptp(logits, axis=0).max() > 10 * _CLOSE, "all samples get the same logits"


def check_answers_alike_twice(classifier: PyTorchClassifier, x: Array) -> None:
    """The same samples get the same logits to the last bit: no state is left from the call before."""
    first = classifier.predict(x)
    assert np.array_equal(classifier.predict(x), first), "a second call answers differently"


def check_ignores_batch_size(classifier: PyTorchClassifier, x: Array) -> None:
    """Logits do not depend on the batch size."""
    together = classifier.predict(x, batch_size=len(x))
    for batch_size in (1, 2, len(x) - 1):
        apart = classifier.predict(x, batch_size=batch_size)
        assert np.allclose(apart, together, atol=_CLOSE), f"batches of {batch_size} change the answer"


def check_follows_the_order(classifier: PyTorchClassifier, x: Array) -> None:
    """A permuted batch gets permuted logits."""
    rows = np.roll(np.arange(len(x))[::-1], 1)
    assert np.allclose(classifier.predict(x[rows]), classifier.predict(x)[rows], atol=_CLOSE), "the order matters"


def check_fit_follows_the_seed(make: Callable[[], PyTorchClassifier], x: Array, y: Labels) -> None:
    """Training with one seed gives the same weights each time, with another seed others.

    Args:
        make: Function that builds an untrained classifier, with the same weights each time.
        x: Samples for more than one batch of two.
        y: Labels of the samples.
    """
    first, same, other = (_weights_after(make(), x, y, seed) for seed in (0, 0, 1))
    assert torch.equal(first, same), "the same seed gives other weights"
    assert not torch.equal(first, other), "another seed gives the same weights"


def check_leaves_evaluation_mode(classifier: PyTorchClassifier, fit: Callable[[], Any]) -> None:
    """After construction and after `fit` every module is in evaluation mode: ART's attacks call the model itself."""
    modules = list(classifier.model.modules())
    assert not any(module.training for module in modules), "construction leaves training mode"
    classifier.model.train()
    fit()
    assert not any(module.training for module in modules), "fit leaves training mode"


def check_restores_the_mode(classifier: PyTorchClassifier, use: Callable[[], Any]) -> None:
    """After `use` every module is in the mode, training or evaluation, in which it was before."""
    modules = list(classifier.model.modules())
    for before in ([True] * len(modules), [False] * len(modules), [i % 2 == 0 for i in range(len(modules))]):
        for module, training in zip(modules, before, strict=True):
            module.training = training
        use()
        assert [module.training for module in modules] == before, "the mode was changed"


def _weights_after(classifier: PyTorchClassifier, x: Array, y: Labels, seed: int) -> torch.Tensor:
    classifier.fit(x, y, batch_size=2, nb_epochs=1, seed=seed)
    return torch.cat([parameter.detach().flatten() for parameter in classifier.model.parameters()])

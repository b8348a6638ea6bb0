"""Mean membrane potential of each class over time, with gradients: what a detector climbs, and an attacker lowers."""

import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn.estimators.classification.differentiable import finite, preprocessed
from art_snn.estimators.classification.inspection import is_spiking, record, trace
from art_snn.estimators.classification.learning_rule import rule_of


class ClassPotentials:
    """Mean membrane potential of each class over time.

    If a spiking network ends in neurons, the potential is theirs after each step's reset, averaged over the neurons of
    a class. If it ends in a linear layer, the potential is that layer's output, integrated without leak, reset or
    threshold. The potentials of an ANN are its logits.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one, in evaluation mode when called.

    Raises:
        ValueError: If the number of last neurons is not a multiple of the number of classes.

    Source: Li et al., Unsupervised Backdoor Detection and Mitigation for Spiking Neural Networks, RAID 2025,
    https://arxiv.org/abs/2510.06629 (temporal membrane potential).
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        self.classifier = classifier
        self._last_neurons, n_neurons = _find_last_neurons(classifier)
        if n_neurons % classifier.nb_classes:
            raise ValueError(
                f"expected the number of last neurons to be a multiple of {classifier.nb_classes} classes, "
                f"got {n_neurons}"
            )

    def __call__(self, x: Tensor) -> Tensor:
        """Potentials (N, K) of samples (N, ...), with gradients.

        Raises:
            ValueError: If a potential is NaN or infinite.
        """
        return finite(self.unchecked(x))

    def unchecked(self, x: Tensor) -> Tensor:
        """The same, which may be NaN or infinite, as in a training that diverges."""
        model = self.classifier.model
        rule = rule_of(self.classifier)
        x = preprocessed(self.classifier, x)
        if not rule.is_spiking:
            logits: Tensor = model(x)
            return logits
        if self._last_neurons is None:
            return torch.cat(list(model.outputs(x))).cumsum(0).mean(0)
        with record([rule.watched(self._last_neurons)], "voltage", "none", len(x)) as (recording,):
            timesteps = sum(len(chunk) for chunk in model.outputs(x))
        voltages = recording.result(timesteps).flatten(2).mean(1)
        return voltages.reshape(len(voltages), self.classifier.nb_classes, -1).mean(2)


def _find_last_neurons(classifier: PyTorchClassifier) -> tuple[nn.Module | None, int]:
    """The neurons after the last layer with weights, and their number; None and 0 if there are none."""
    last = [call for call in trace(classifier).calls if is_spiking(call.module) or _has_weights(call.module)][-1:]
    if not (last and is_spiking(last[0].module)):
        return None, 0
    return last[0].module, last[0].output[0].numel()  # one sample at one step


def _has_weights(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))

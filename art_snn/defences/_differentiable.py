"""A classifier as a differentiable function of its samples: its logits, and the potentials of its classes."""

import torch
from art.defences.preprocessor.preprocessor import PreprocessorPyTorch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inspection import is_spiking, record, trace


def logits(classifier: PyTorchClassifier, x: Tensor) -> Tensor:
    """Logits (N, K) of samples as the classifier takes them.

    Raises:
        ValueError: If one of them is NaN or infinite.
    """
    return _finite(classifier.model(preprocessed(classifier, x)))


def preprocessed(classifier: PyTorchClassifier, x: Tensor) -> Tensor:
    """Samples as the classifier's model sees them.

    Defences that work on arrays, such as filters of events, are applied to values; gradients pass straight through.

    Source: Athalye et al., Obfuscated Gradients, 2018, https://arxiv.org/abs/1802.00420, section 4.1 (backward pass
    differentiable approximation).
    """
    for operation in classifier.preprocessing_operations:
        if not operation.apply_predict:
            continue
        if isinstance(operation, PreprocessorPyTorch):
            x, _ = operation.forward(x, None)
        else:
            values, _ = operation(x.detach().cpu().numpy())
            x = torch.as_tensor(values, dtype=x.dtype, device=x.device) + (x - x.detach())
    return x


def input_range(classifier: PyTorchClassifier, highest_count: float) -> tuple[Tensor, Tensor]:
    """Smallest and largest value of a sample: the clip values, or for frames without any 0 and the given count.

    Raises:
        ValueError: If the samples are images and the classifier has no clip values.
    """
    clip_values = classifier.clip_values
    if clip_values is None:
        if len(classifier.input_shape) != 4:
            raise ValueError("expected a classifier with clip_values, got none: nothing says how bright an image gets")
        clip_values = 0.0, highest_count
    low, high = (torch.as_tensor(value, dtype=torch.float32, device=classifier.device) for value in clip_values)
    return low, high


class ClassPotentials:
    """Temporal potentials of the classes: the mean over time.

    Where a spiking network ends in spikes, the potential is that of its last neurons after each step's reset, averaged
    over the neurons that vote for a class. Where it ends in a linear layer, the potential is that layer's output,
    integrated without leak, reset or threshold. An ANN, which knows no time, has its logits.

    Args:
        classifier: Spiking or not; to be called in evaluation mode.

    Raises:
        ValueError: If the last neurons cannot be shared out among the classes.

    Source: Li et al., Unsupervised Backdoor Detection and Mitigation for Spiking Neural Networks, RAID 2025,
    https://arxiv.org/abs/2510.06629 (temporal membrane potential).
    """

    def __init__(self, classifier: PyTorchClassifier) -> None:
        self.classifier = classifier
        self._voters, n_voters = _last_neurons(classifier)
        if n_voters % classifier.nb_classes:
            raise ValueError(
                f"expected the last neurons to be as many for each of {classifier.nb_classes} classes, got {n_voters}"
            )

    def __call__(self, x: Tensor) -> Tensor:
        """Potentials (N, K) of samples as the classifier takes them.

        Raises:
            ValueError: If one of them is NaN or infinite.
        """
        model = self.classifier.model
        if not rule_of(self.classifier).is_spiking:
            return logits(self.classifier, x)
        x = preprocessed(self.classifier, x)
        if self._voters is None:
            return _finite(torch.cat(list(model.outputs(x))).cumsum(0).mean(0))
        with record([rule_of(self.classifier).watched(self._voters)], "voltage", "none", len(x)) as (recording,):
            timesteps = sum(len(chunk) for chunk in model.outputs(x))
        voltages = recording.result(timesteps).flatten(2).mean(1)
        return _finite(voltages.reshape(len(voltages), self.classifier.nb_classes, -1).mean(2))


def _finite(outputs: Tensor) -> Tensor:
    if not torch.isfinite(outputs).all():
        raise ValueError("expected finite outputs of the classifier, got NaN or infinity; was its training stable?")
    return outputs


def _last_neurons(classifier: PyTorchClassifier) -> tuple[nn.Module | None, int]:
    """The neurons behind which no layer has weights, and their number: they vote. None and 0 where there are none."""
    last = [call for call in trace(classifier).calls if is_spiking(call.module) or _has_weights(call.module)][-1:]
    if not (last and is_spiking(last[0].module)):
        return None, 0
    return last[0].module, last[0].output[0].numel()  # of one step, or of the one sample


def _has_weights(module: nn.Module) -> bool:
    return any(parameter.ndim > 1 for parameter in module.parameters(recurse=False))

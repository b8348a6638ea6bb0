"""A classifier's model as a function of factors on the weights and biases of its channels."""

from collections.abc import Sequence

from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from torch.func import functional_call

from art_snn.defences._convolution_units import Unit


class ScaledChannels:
    """Logits of a model whose channels are scaled; the model itself stays as it is, and gets no gradient.

    Args:
        classifier: Classifier with the model.
        found: Units whose channels are scaled.
    """

    def __init__(self, classifier: PyTorchClassifier, found: Sequence[Unit]) -> None:
        self.classifier = classifier
        names = {parameter: name for name, parameter in classifier.model.named_parameters()}
        self._held = {name: parameter.detach() for parameter, name in names.items()}
        gains = (unit.gain for unit in found)
        self._names = [(names[weight], None if bias is None else names[bias]) for weight, bias in gains]

    def __call__(self, inputs: Tensor, masks: Sequence[Tensor], noise: Sequence[Tensor] | None = None) -> Tensor:
        """Logits (N, K) of preprocessed samples.

        Args:
            inputs: Samples as the model sees them, (N, ...).
            masks: Factor of each channel's weights, (C,), by unit.
            noise: What is added to the factors of weights and of biases, (2, C), by unit; biases have a factor of 1.
        """
        changed = dict(self._held)
        for number, ((weight, bias), mask) in enumerate(zip(self._names, masks, strict=True)):
            held = self._held[weight]
            factors = mask if noise is None else mask + noise[number][0]
            changed[weight] = held * factors.reshape(-1, *[1] * (held.ndim - 1))
            if bias is not None and noise is not None:
                changed[bias] = self._held[bias] * (1 + noise[number][1])
        outputs: Tensor = functional_call(self.classifier.model, changed, (inputs,))
        return outputs

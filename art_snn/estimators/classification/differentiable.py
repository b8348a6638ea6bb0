"""A classifier as a differentiable function of its samples."""

import torch
from art.defences.preprocessor.preprocessor import PreprocessorPyTorch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor


def logits(classifier: PyTorchClassifier, x: Tensor) -> Tensor:
    """Logits (N, K) of samples (N, ...), with gradients.

    Raises:
        ValueError: If a logit is NaN or infinite.
    """
    return finite(classifier.model(preprocessed(classifier, x)))


def preprocessed(classifier: PyTorchClassifier, x: Tensor) -> Tensor:
    """Samples after the classifier's preprocessing, as its model sees them.

    Preprocessors that work on arrays, such as event filters, change the values; gradients pass straight through them.

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


def finite(outputs: Tensor) -> Tensor:
    """Check outputs, and give them back.

    Raises:
        ValueError: If one is NaN or infinite.
    """
    if not torch.isfinite(outputs).all():
        raise ValueError("expected finite outputs of the classifier, got NaN or infinity; was its training stable?")
    return outputs

"""Pruning without data: silence the channels that can amplify a small trigger most."""

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Positive
from art_snn.defences._convolution_units import Unit, units
from art_snn.defences.transformer.elimination import Elimination
from art_snn.typing import Array, Labels


class ChannelLipschitzPruning(Elimination):
    """Silence, in each convolution, the channels whose Lipschitz constant is an outlier.

    No channel of n can lie more than (n - 1) / √n standard deviations above their mean: with `u=3`, layers of fewer
    than 11 channels stay whole.

    Args:
        classifier: Trained classifier with convolutions, which is not changed.
        u: Standard deviations above the mean of the layer beyond which a channel is pruned, above 0.

    Source: Zheng et al., Data-free Backdoor Removal based on Channel Lipschitzness, ECCV 2022,
    https://arxiv.org/abs/2208.03111, section 4.
    """

    def __init__(self, classifier: PyTorchClassifier, u: Positive = 3.0) -> None:
        super().__init__(classifier)
        self.u = u
        self._check_params()

    def _transform(self, classifier: PyTorchClassifier, x: Array | None, y: Labels | None) -> PyTorchClassifier:
        for unit in units(classifier):
            constants = lipschitz_constants(unit)
            limit = constants.mean() + self.u * constants.std(ddof=1) if len(constants) > 1 else np.inf
            unit.silence(np.flatnonzero(constants > limit))
        return classifier


def lipschitz_constants(unit: Unit) -> Array:
    """Upper bound (C,) of the factor by which each channel of a convolution and its batch norm can amplify.

    It is the largest singular value of the channel's kernel, as a matrix of inputs by taps, times the norm's factor.
    """
    with torch.no_grad():
        constants = torch.linalg.matrix_norm(unit.conv.weight.flatten(2), ord=2)
        norm = unit.norm
        if norm is not None and norm.running_var is not None:
            constants = constants / (norm.running_var + norm.eps).sqrt()
        if norm is not None and norm.weight is not None:
            constants = constants * norm.weight.abs()
    found: Array = constants.double().cpu().numpy()
    return found

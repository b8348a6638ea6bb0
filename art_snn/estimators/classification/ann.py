"""`AnnClassifier`: an ordinary network that is trained and asked as the spiking ones are."""

from typing import Any

import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn.estimators.classification.copying import Copying, without_reset
from art_snn.estimators.classification.inputs import Inputs, floating
from art_snn.estimators.classification.streaming import Streaming


class AnnClassifier(Streaming, Inputs, Copying, PyTorchClassifier):
    """ART's `PyTorchClassifier` for an ANN, with the training, copying and inputs of `SpikingClassifier`.

    So `fit` takes a seed and weights of samples, no call moves a global random stream, samples may be of any number
    dtype, labels of either form, and a copy leaves no files behind.

    Args:
        model: The network, from samples to logits (N, K).
        loss: A loss of torch's on logits, such as `nn.CrossEntropyLoss()`.
        input_shape: Of one sample.
        nb_classes: K, at least 2.
        optimizer: Over the model's parameters; None is Adam with learning rate 1e-3.
        use_amp: Must stay False: ART's half precision needs NVIDIA's apex, and `fit` here would not use it.
        *args: As ART's class takes them.
        **kwargs: Likewise.

    Raises:
        ValueError: If `use_amp` is True.

    Source: Nicolae et al., Adversarial Robustness Toolbox, 2018, https://arxiv.org/abs/1807.01069.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: nn.modules.loss._Loss,
        input_shape: tuple[int, ...],
        nb_classes: int,
        optimizer: torch.optim.Optimizer | None = None,
        use_amp: bool = False,
        *args: Any,
        **kwargs: Any,
    ) -> None:
        if use_amp:
            raise ValueError("expected use_amp=False, got True: a network is trained in its own precision here")
        optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3)
        super().__init__(model, loss, input_shape, nb_classes, optimizer, use_amp, *args, **kwargs)
        self._initial = without_reset(self.model)

    def _apply_preprocessing(self, x: Any, y: Any, fit: bool = False, no_grad: bool = True) -> tuple[Any, Any]:
        return super()._apply_preprocessing(floating(x), y, fit=fit, no_grad=no_grad)

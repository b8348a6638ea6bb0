"""`AnnClassifier`: an ordinary network that trains and predicts as the spiking ones do."""

from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn._validation import check_choice
from art_snn.estimators.classification._card import Card
from art_snn.estimators.classification._copying import Copying, without_reset
from art_snn.estimators.classification._saving import Saving
from art_snn.estimators.classification._settings import Settings, check_trains
from art_snn.estimators.classification.inputs import Inputs
from art_snn.estimators.classification.inspection import hooked, spiking_layers
from art_snn.estimators.classification.learning_rule import LearningRule
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.streaming import Streaming
from art_snn.models import OverTime
from art_snn.typing import Array


class AnnClassifier(LearningRule, Streaming, Inputs, Settings, Copying, Saving, PyTorchClassifier):
    """ART's `PyTorchClassifier` for an ANN, with the training, copying and inputs of `SpikingClassifier`.

    So `fit` takes a seed and sample weights, no call moves a global random stream, samples may be of any number
    dtype, labels indices or one-hot, and a copy leaves no files behind.

    Args:
        model: The network, from samples to logits (N, K).
        loss: A loss of torch's on logits, such as `nn.CrossEntropyLoss()`.
        input_shape: Shape of one sample.
        nb_classes: K, at least 2.
        optimizer: Over the model's parameters; None is Adam with learning rate 1e-3.
        use_amp: Must stay False: ART's half precision needs NVIDIA's apex, and `fit` here would not use it.
        *args: Further arguments of ART's class.
        **kwargs: Further arguments of ART's class, by name.

    Raises:
        ValueError: If `use_amp` is True, the network has spiking neurons, or the optimiser has none of the model's
            parameters.

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
        if not isinstance(model, SpikingModule) and (found := list(spiking_layers(model))):
            raise ValueError(
                f"expected a network without spiking neurons, which nobody would reset here, got {found[0]!r}; use "
                "SpikingClassifier(SpikingModule(net, timesteps), ...)"
            )
        optimizer = optimizer or torch.optim.Adam(model.parameters(), lr=1e-3)
        check_trains(optimizer, model)
        super().__init__(model, loss, input_shape, nb_classes, optimizer, use_amp, *args, **kwargs)
        self._model.eval()  # ART's attacks ask the model itself
        self._initial = without_reset(self.model)

    def get_activations(
        self, x: Array | Tensor, layer: int | str, batch_size: int = 128, framework: bool = False
    ) -> Any:
        """What a layer puts out, (N, ...), an array or, with gradients, a tensor; no hook stays in the network.

        Args:
            x: Samples of `input_shape`, at least one.
            layer: Index into `layer_names`, or one of these.
            batch_size: Samples a pass.
            framework: Whether to return a tensor with gradients, computed in one pass, instead of an array.

        Raises:
            ValueError: If the layer is unknown, or there is no sample.
        """
        names = self._layer_names
        name = {i: names[i] for i in range(-len(names), len(names))}.get(layer, layer)  # type: ignore[arg-type]
        check_choice("layer", name, names)
        seen: dict[str, Tensor] = {}
        watched = {self.model.get_submodule(name): lambda *call: seen.update(output=call[-1])}

        def activations(inputs: Tensor) -> list[Tensor]:
            with hooked(watched):
                self._model(inputs)
            return [seen["output"]]

        (found,) = self._in_evaluation(x, batch_size, framework, activations)
        return found

    @classmethod
    def _wrapped(cls, net: nn.Module, n_axes: int, time: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
        """Frames, of four axes, are seen one by one, and the outputs averaged."""
        return OverTime(net) if n_axes == 4 else net, {}

    def _network_replaced(self) -> None:
        super()._network_replaced()
        self._layer_names = self._model.get_layers

    def _parts(self) -> dict[str, nn.Module]:
        return {self._source: self.model}

    @classmethod
    def _model_of(cls, card: Card, net: nn.Module) -> nn.Module:
        if card.module is not None:
            raise ValueError(f"expected the card of an ordinary network, got one of a SpikingModule: {card.module}")
        return net

    def _apply_preprocessing(self, x: Any, y: Any, fit: bool = False, no_grad: bool = True) -> tuple[Any, Any]:
        own = x.float().clone() if isinstance(x, Tensor) else np.array(x, np.float32)  # networks may write into it
        return super()._apply_preprocessing(own, y, fit=fit, no_grad=no_grad)

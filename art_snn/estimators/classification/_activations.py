"""Reading hidden layers: their names in the order in which they run, and what they do over time."""

from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np
from torch import Tensor

from art_snn._validation import check_choice
from art_snn.estimators.classification._encoding import undefined_as_nan
from art_snn.estimators.classification._host import Host
from art_snn.estimators.classification.inspection.first_pass import Inspection, inspect
from art_snn.estimators.classification.inspection.recording import Quantity, Reduction, Watched, record
from art_snn.typing import Array


class Activations(Host):
    """`layer_names` and `get_activations` for a classifier whose model is a `SpikingModule`."""

    _inspection: Inspection
    _layer_names: list[str]
    _in_evaluation: Any

    @property
    def layer_names(self) -> list[str]:
        """The hidden spiking layers in the order in which they run, as `get_activations` takes them."""
        return list(self.inspection.layer_names)

    def get_activations(
        self,
        x: Array | Tensor,
        layer: int | str | Sequence[int | str],
        batch_size: int = 128,
        framework: bool = False,
        *,
        quantity: Quantity = "spikes",
        reduction: Reduction = "rate",
        flatten: bool = True,
    ) -> Any:
        """What layers put out, or hold as voltage, over time; samples first.

        Args:
            x: Samples of `input_shape`, at least one.
            layer: Index into `layer_names`, or any layer's name; or a sequence of these, for all in one pass.
            batch_size: Samples a pass.
            framework: Whether to return a tensor with gradients, computed in one pass, instead of an array.
            quantity: "spikes" is the layer's output, "voltage" the potential after each step's reset.
            reduction: Over time: "rate" is the mean; "sum"; the "last" step; or "none".
            flatten: Whether the axes behind N (and T) become one.

        Returns:
            (N, F) or, for "none", (N, T, F); unflattened (N, ...) or (N, T, ...). A list of these for a sequence.

        Raises:
            ValueError: If a layer is unknown or has no voltage, or there is no sample.
        """
        check_choice("quantity", quantity, ("spikes", "voltage"))
        check_choice("reduction", reduction, ("rate", "sum", "last", "none"))
        wanted = [layer] if isinstance(layer, int | np.integer | str) else list(layer)
        layers = [self._layer(name) for name in wanted]

        def activations(inputs: Tensor) -> list[Tensor]:
            with (
                record(layers, quantity, reduction, len(inputs)) as recordings,
                closing(self.model.outputs(inputs)) as chunks,
            ):
                timesteps = sum(len(chunk) for chunk in chunks)
            results = [undefined_as_nan(recording.result(timesteps), inputs) for recording in recordings]
            return [result.flatten(2 if reduction == "none" else 1) for result in results] if flatten else results

        results: list[Any] = self._in_evaluation(x, batch_size, framework, activations)
        return results if isinstance(layer, Sequence) and not isinstance(layer, str) else results[0]

    def feature_layers(self) -> list[str]:
        """The hidden spiking layers, which are worth a look."""
        return self.layer_names

    def layer_outputs(
        self, x: Array, layers: Sequence[str], quantity: Quantity, reduction: Reduction
    ) -> dict[str, Array]:
        """What layers make of samples, which go through in one pass, by name."""
        options: dict[str, Any] = {"quantity": quantity, "reduction": reduction}
        outputs = self.get_activations(x, list(layers), batch_size=len(x), **options)
        return dict(zip(layers, outputs, strict=True))

    def _network_replaced(self) -> None:
        super()._network_replaced()
        self.look_into_model()

    def look_into_model(self) -> None:
        """Find the layers of the model as it is now.

        Raises:
            ValueError: If samples of `input_shape` do not pass, or the network answers as no classifier may; see
                `art_snn.estimators.classification.inspection`.
        """
        self._inspection = inspect(self.model, self._probes)
        if self._inspection.n_outputs != self.nb_classes:
            raise ValueError(f"expected logits of nb_classes={self.nb_classes}, got {self._inspection.n_outputs}")
        self._layer_names = list(self._inspection.layer_names)

    @property
    def inspection(self) -> Inspection:
        """What was seen of the model's layers; they are looked into again where the model was operated on."""
        if not self._inspection.still_holds(self.model):
            self.look_into_model()
        return self._inspection

    def _layer(self, layer: int | str) -> Watched:
        """The layer of an index into `layer_names` or of a name."""
        names, watchable = self.layer_names, self.inspection.watchable
        if isinstance(layer, int | np.integer):
            if not -len(names) <= layer < len(names):
                raise ValueError(f"expected layer below {len(names)}, got {layer}; see layer_names")
            layer = names[layer]
        check_choice("layer", layer, watchable)
        return watchable[layer]

    def _probes(self, n: int) -> Tensor:
        """Samples of noise, within the clip values, as the model sees them."""
        low, high = (0.0, 1.0) if self.clip_values is None else self.clip_values
        noise = np.random.default_rng(0).random((n, *self.input_shape))
        x, _ = self._apply_preprocessing((low + (high - low) * noise).astype(np.float32), y=None, fit=False)
        return x.to(self.device) if isinstance(x, Tensor) else self._to_device(x)

"""What a classifier's layers, spiking or not, make of samples: read in one pass, in batches, in bounded memory."""

from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from art.estimators.classification import PyTorchClassifier
from sklearn.random_projection import SparseRandomProjection

from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inspection import Quantity, Reduction
from art_snn.typing import Array

Feature = Literal["counts", "trains", "voltages", "voltage trains"]
FEATURES: dict[Feature, tuple[Quantity, Reduction]] = {  # as `get_activations` names them
    "counts": ("spikes", "sum"),
    "trains": ("spikes", "none"),
    "voltages": ("voltage", "rate"),
    "voltage trains": ("voltage", "none"),
}
INPUT = "input"  # the name under which the samples themselves stand beside the layers


class Sketch:
    """Rows of at most so many numbers, whose distances are those of the rows given, up to a small random error.

    Rows that are short enough stay as they are.

    Args:
        max_features: Numbers that a row may keep.
        seed: Of the random projection.

    Source: Li, Hastie and Church, Very sparse random projections, 2006, https://doi.org/10.1145/1150402.1150436.

    >>> Sketch(max_features=3, seed=0)(np.eye(2, 5, dtype=np.float32)).shape
    (2, 3)
    """

    def __init__(self, max_features: int, seed: int) -> None:
        self._max_features, self._seed = max_features, seed
        self._projections: dict[int, SparseRandomProjection] = {}

    def __call__(self, rows: Array) -> Array:
        """float32 (..., F') of numbers (..., F), F' = min(F, max_features)."""
        rows = np.asarray(rows, dtype=np.float32)
        width = rows.shape[-1]
        if width <= self._max_features:
            return rows
        if width not in self._projections:
            projection = SparseRandomProjection(self._max_features, random_state=self._seed)
            self._projections[width] = projection.fit(np.zeros((1, width), np.float32))
        flat: Array = self._projections[width].transform(rows.reshape(-1, width))
        return flat.reshape(*rows.shape[:-1], -1)


Layers = int | str | Sequence[int | str]


def named_layers(classifier: PyTorchClassifier, layer: Layers) -> list[str]:
    """The names of one layer or several, given as names or as indices into `layer_names`; "scan" means all of these.

    Raises:
        TypeError: If a layer is given otherwise.
        ValueError: If an index is out of range, or no layer is given.
    """
    if isinstance(layer, Sequence) and not isinstance(layer, str):
        names = [name for one in layer for name in named_layers(classifier, one)]
        if not names:
            raise ValueError("expected at least one layer, got none")
        return list(dict.fromkeys(names))
    if isinstance(layer, str) and layer != "scan":
        return [layer]
    known = rule_of(classifier).feature_layers()
    if isinstance(layer, str):
        return known
    if not isinstance(layer, int | np.integer):
        raise TypeError(f"expected layer to be a name, an index, or several of them, got {layer!r}")
    if not -len(known) <= layer < len(known):
        raise ValueError(f"expected layer to be an index below {len(known)}, got {layer!r}; the layers are {known}")
    return [known[layer]]


def layer_features(
    classifier: PyTorchClassifier,
    batches: Iterable[Array],
    layers: Sequence[str],
    feature: Feature,
    sketch: Sketch,
) -> dict[str, Array]:
    """Features of each layer, sketched.

    An ANN knows one time step: its counts are the layer's output, its voltages what enters the layer.

    Args:
        classifier: ART's own or a spiking one.
        batches: Samples, in pieces that fit into memory.
        layers: Names, those that `feature_layers` names or of any other layers, or `INPUT` for the samples themselves.
        feature: What to read.
        sketch: Keeps the rows short.

    Returns:
        float32 (N, F) by name, or for trains (N, T, F).

    Raises:
        ValueError: If a layer is unknown or has no voltage, or gives NaN or infinity.
    """
    rule, parts = rule_of(classifier), {name: list[Array]() for name in layers}
    hidden = [name for name in layers if name != INPUT]
    for batch in batches:
        if INPUT in parts:
            parts[INPUT].append(sketch(np.reshape(batch, (len(batch), -1))))
        for name, rows in rule.layer_outputs(batch, hidden, *FEATURES[feature]).items():
            if not np.isfinite(rows).all():
                raise ValueError(f"expected finite features, got NaN or infinity from layer {name!r}")
            parts[name].append(sketch(rows))
    return {name: np.concatenate(rows) for name, rows in parts.items()}

"""Features of samples at a classifier's layers, spiking or not: read in one pass, in batches, in bounded memory."""

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
INPUT = "input"  # names the samples themselves among the layers


class Sketch:
    """Shorten rows by a random projection that keeps their distances up to a small random error.

    Rows that are short enough stay as they are.

    Args:
        max_features: Largest length of a row.
        seed: Seed of the random projection.

    Source: Li, Hastie and Church, Very sparse random projections, 2006, https://doi.org/10.1145/1150402.1150436.

    >>> Sketch(max_features=3, seed=0)(np.eye(2, 5, dtype=np.float32)).shape
    (2, 3)
    """

    def __init__(self, max_features: int, seed: int) -> None:
        self._max_features, self._seed = max_features, seed
        self._projections: dict[int, SparseRandomProjection] = {}

    def __call__(self, rows: Array) -> Array:
        """Shorten rows (..., F) to float32 (..., F'), F' = min(F, max_features)."""
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
    """Names of layers that are given by name or by index among the feature layers; "scan" gives all of these.

    Raises:
        TypeError: If a layer is neither a name nor an index.
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
    """Features of samples at each layer, sketched.

    An ANN has one time step: its counts are the layer's output, its voltages the layer's input.

    Args:
        classifier: ART's `PyTorchClassifier` or a spiking one.
        batches: Samples in batches that fit into memory.
        layers: Names of layers, or `INPUT` for the samples themselves: the square roots of their values, with signs, at
            unit length. Their distance is that of the shares that pixels have of a sample (Hellinger's), so that dark
            images and frames of few events are not near to everything.
        feature: Feature to read.
        sketch: Shortens the rows.

    Returns:
        Features by layer, float32 (N, F), or (N, T, F) for trains.

    Raises:
        ValueError: If a layer is unknown, has no voltage, or gives NaN or infinity.
    """
    rule, parts = rule_of(classifier), {name: list[Array]() for name in layers}
    hidden = [name for name in layers if name != INPUT]
    for batch in batches:
        if INPUT in parts:
            parts[INPUT].append(sketch(root_direction(batch)))
        for name, rows in rule.layer_outputs(batch, hidden, *FEATURES[feature]).items():
            if not np.isfinite(rows).all():
                raise ValueError(f"expected finite features, got NaN or infinity from layer {name!r}")
            parts[name].append(sketch(rows))
    return {name: np.concatenate(rows) for name, rows in parts.items()}


def root_direction(samples: Array) -> Array:
    """Square roots of samples (n, ...) with their signs, float32 (n, F), each of length 1; zeros stay zeros."""
    flat = np.reshape(samples, (len(samples), -1)).astype(np.float32)
    roots = np.sign(flat) * np.sqrt(np.abs(flat))
    lengths: Array = np.linalg.norm(roots, axis=1, keepdims=True)
    return roots / np.where(lengths > 0, lengths, 1)

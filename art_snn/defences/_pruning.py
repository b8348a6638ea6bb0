"""Silencing of channels, and fine-tuning that leaves them silent."""

from collections.abc import Mapping
from contextlib import ExitStack

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._parameters import Parameters
from art_snn._validation import share_of
from art_snn.defences._convolution_units import Unit
from art_snn.defences._fine_tuning import fine_tune
from art_snn.typing import Array, Indices, Labels


def prune_and_tune(
    classifier: PyTorchClassifier, silent: Mapping[Unit, Indices], x: Array, y: Labels | None, defence: Parameters
) -> None:
    """Silence channels in place and fine-tune the rest, if there are labels and the defence's `nb_epochs` is above 0.

    Args:
        classifier: Classifier to change.
        silent: Channels to silence, by unit of the classifier.
        x: Clean samples, (N, ...).
        y: Labels of the clean samples; None prunes alone.
        defence: Defence with the parameters of `fine_tune`.
    """
    for unit, channels in silent.items():
        unit.silence(channels)
    if y is None or not defence.get_params()["nb_epochs"]:
        return
    with ExitStack() as stack:
        for unit, channels in silent.items():
            stack.enter_context(unit.held_silent(channels))
        fine_tune(classifier, x, y, defence)


def lowest(values: Mapping[Unit, Array], share: float) -> dict[Unit, Indices]:
    """The share of all channels with the lowest values, by unit; their number is rounded down, ties fall to the first.

    Args:
        values: Value of each channel, (C,), by unit.
        share: Share of the channels of all units together, in [0, 1].
    """
    together = np.concatenate(list(values.values()))
    is_low = np.zeros(len(together), bool)
    is_low[np.argsort(together, kind="stable")[: share_of(share, len(together))]] = True
    ends = np.cumsum([len(of_unit) for of_unit in values.values()])[:-1]
    return {unit: np.flatnonzero(part) for unit, part in zip(values, np.split(is_low, ends), strict=True)}

"""What the parts of our classifiers are mixed into: ART's `PyTorchClassifier`, whose members they use."""

from abc import ABC
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from art.estimators.classification import PyTorchClassifier as Host
else:
    Host = ABC  # ART's STRIP gives a classifier a new class, which must have this one's layout

__all__ = ["Host"]

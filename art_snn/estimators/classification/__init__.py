"""Spiking classifiers under ART's interface."""

from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.spiking import SpikingClassifier

__all__ = ["SpikingClassifier", "SpikingModule"]

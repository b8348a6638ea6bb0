"""Spiking classifiers under ART's interface, one a learning rule, and the ANN beside them."""

from art_snn.estimators.classification._over_time import predict_at
from art_snn.estimators.classification.ann import AnnClassifier
from art_snn.estimators.classification.converted import ConvertedClassifier
from art_snn.estimators.classification.hybrid import HybridClassifier
from art_snn.estimators.classification.learning_rule import (
    LearningRule,
    Schedule,
    TrainingData,
    TrainingStep,
    rule_of,
    scheduler_of,
)
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.spiking import SpikingClassifier

__all__ = [
    "AnnClassifier",
    "ConvertedClassifier",
    "HybridClassifier",
    "LearningRule",
    "Schedule",
    "SpikingClassifier",
    "SpikingModule",
    "TrainingData",
    "TrainingStep",
    "predict_at",
    "rule_of",
    "scheduler_of",
]

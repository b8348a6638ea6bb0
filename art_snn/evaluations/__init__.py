"""What says what happened: evaluations over several estimators."""

from art_snn.evaluations.augmentation import Augmentation
from art_snn.evaluations.backdoor import BackdoorEvaluation, TrainedPair
from art_snn.evaluations.backdoor_result import BackdoorResult
from art_snn.evaluations.binning_transfer import Binning, TransferMatrix, binning_transfer
from art_snn.evaluations.calibration_evidence import threshold_evidence
from art_snn.evaluations.combination import PoisonCombination, poison_combination
from art_snn.evaluations.defence_evaluation import Failure
from art_snn.evaluations.detection import DetectionEvaluation, DetectionResult, Evidence
from art_snn.evaluations.doubts import Doubt, is_invalid
from art_snn.evaluations.elimination import EliminationEvaluation, EliminationResult, eliminate
from art_snn.evaluations.migration import Migration
from art_snn.evaluations.model_detection import ModelDetectionEvaluation, ModelDetectionResult, ModelEvidence
from art_snn.evaluations.operations import Operations, TriggerCost, count_operations, trigger_cost
from art_snn.evaluations.time_curve import TimeCurve, over_time
from art_snn.evaluations.training import TrainingPlan
from art_snn.evaluations.trigger_timing import OnsetLength, onset_length
from art_snn.evaluations.voltage_evidence import LayerEvidence, layer_evidence

__all__ = [
    "Augmentation",
    "BackdoorEvaluation",
    "BackdoorResult",
    "Binning",
    "DetectionEvaluation",
    "DetectionResult",
    "Doubt",
    "EliminationEvaluation",
    "EliminationResult",
    "Evidence",
    "Failure",
    "LayerEvidence",
    "Migration",
    "ModelDetectionEvaluation",
    "ModelDetectionResult",
    "ModelEvidence",
    "OnsetLength",
    "Operations",
    "PoisonCombination",
    "TimeCurve",
    "TrainedPair",
    "TrainingPlan",
    "TransferMatrix",
    "TriggerCost",
    "binning_transfer",
    "count_operations",
    "eliminate",
    "is_invalid",
    "layer_evidence",
    "onset_length",
    "over_time",
    "poison_combination",
    "threshold_evidence",
    "trigger_cost",
]

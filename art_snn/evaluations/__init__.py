"""What says what happened: evaluations over several estimators."""

from art_snn.evaluations.backdoor import BackdoorEvaluation, BackdoorResult, TrainedPair

__all__ = ["BackdoorEvaluation", "BackdoorResult", "TrainedPair"]

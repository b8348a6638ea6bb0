"""Backdoor elimination: trainers that fine-tune on clean samples."""

from art_snn.defences.trainer.clean_fine_tuning import CleanFineTuning
from art_snn.defences.trainer.sharpness_aware_fine_tuning import SharpnessAwareFineTuning

__all__ = ["CleanFineTuning", "SharpnessAwareFineTuning"]

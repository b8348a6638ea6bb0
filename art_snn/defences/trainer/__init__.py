"""Backdoor elimination by fine-tuning."""

from art_snn.defences.trainer.clean_fine_tuning import CleanFineTuning

__all__ = ["CleanFineTuning"]

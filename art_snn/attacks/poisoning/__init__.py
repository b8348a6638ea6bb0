"""Triggers, which are values that change arrays, and the attacks that plant them in training data."""

from art_snn.attacks.poisoning.backdoor import PoisonedDataset, TriggerBackdoor
from art_snn.attacks.poisoning.patch import PatchTrigger

__all__ = ["PatchTrigger", "PoisonedDataset", "TriggerBackdoor"]

"""Elimination: a new classifier without the backdoor, or with less of it."""

from art_snn.defences.transformer.channel_lipschitz_pruning import ChannelLipschitzPruning
from art_snn.defences.transformer.dendrite_clamping import DendriteClamping
from art_snn.defences.transformer.fine_pruning import FinePruning

__all__ = ["ChannelLipschitzPruning", "DendriteClamping", "FinePruning"]

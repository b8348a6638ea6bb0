"""Backdoor elimination: transformers that return a new classifier with less of the backdoor, or none."""

from art_snn.defences.transformer.adversarial_neuron_pruning import AdversarialNeuronPruning
from art_snn.defences.transformer.channel_lipschitz_pruning import ChannelLipschitzPruning
from art_snn.defences.transformer.dendrite_clamping import DendriteClamping
from art_snn.defences.transformer.fine_pruning import FinePruning
from art_snn.defences.transformer.step_contribution_pruning import StepContributionPruning

__all__ = [
    "AdversarialNeuronPruning",
    "ChannelLipschitzPruning",
    "DendriteClamping",
    "FinePruning",
    "StepContributionPruning",
]

"""Activation clustering on spikes or voltages, its cluster analyses, and what ART offers beside it."""

from art_snn.defences.detector.activation.defence import SpikeActivationDefence

__all__ = ["SpikeActivationDefence"]

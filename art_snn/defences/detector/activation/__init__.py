"""Activation clustering on spikes or voltages, its cluster analyses, and the relabelling that ART offers."""

from art_snn.defences.detector.activation.defence import SpikeActivationDefence

__all__ = ["SpikeActivationDefence"]

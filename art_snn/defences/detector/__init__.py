"""Detectors of poisoned samples and of backdoored models."""

from art_snn.defences.detector.activation.defence import SpikeActivationDefence
from art_snn.defences.detector.brain_stimulation import ArtificialBrainStimulation, StimulatedNeuron
from art_snn.defences.detector.event_mass import EventMassDefence
from art_snn.defences.detector.membrane_potential import MembranePotentialDefence
from art_snn.defences.detector.model_detector import ModelReport
from art_snn.defences.detector.neural_cleanse import NeuralCleanse
from art_snn.defences.detector.neuron_audit import NeuronDifference, audit_neurons, neuron_manifest
from art_snn.defences.detector.reference import ReferenceDefence
from art_snn.defences.detector.space_time import SpaceTimeDefence
from art_snn.defences.detector.spectral import SpikeSpectralDefence
from art_snn.defences.detector.strip import STRIPDefence

__all__ = [
    "ArtificialBrainStimulation",
    "EventMassDefence",
    "MembranePotentialDefence",
    "ModelReport",
    "NeuralCleanse",
    "NeuronDifference",
    "ReferenceDefence",
    "STRIPDefence",
    "SpaceTimeDefence",
    "SpikeActivationDefence",
    "SpikeSpectralDefence",
    "StimulatedNeuron",
    "audit_neurons",
    "neuron_manifest",
]

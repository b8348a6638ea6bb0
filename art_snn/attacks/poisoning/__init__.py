"""Triggers, which turn clean samples into triggered ones, and attacks that plant them in training data."""

from art_snn.attacks.poisoning._rectangles import Rectangle
from art_snn.attacks.poisoning.adapters import adapted
from art_snn.attacks.poisoning.adaptive import AdaptiveBackdoor
from art_snn.attacks.poisoning.autoencoder import SpikingAutoencoder
from art_snn.attacks.poisoning.backdoor import TriggerBackdoor
from art_snn.attacks.poisoning.conversion_aware import ConversionAwareBackdoor
from art_snn.attacks.poisoning.crafted import (
    BullseyePolytope,
    CleanLabelAttack,
    GradientMatching,
    HiddenTriggerAttack,
    SleeperAgent,
)
from art_snn.attacks.poisoning.dynamic import DynamicBackdoor
from art_snn.attacks.poisoning.flash import FlashTrigger, strobe_frames
from art_snn.attacks.poisoning.frame_trigger import FrameTrigger
from art_snn.attacks.poisoning.lazily_poisoned import LazilyPoisoned
from art_snn.attacks.poisoning.moving import MovingTrigger
from art_snn.attacks.poisoning.neuromorphic_trigger import NeuromorphicTrigger
from art_snn.attacks.poisoning.neuron_parameter import NeuronParameterBackdoor
from art_snn.attacks.poisoning.patch import PatchTrigger
from art_snn.attacks.poisoning.photometric import NoiseTrigger, PowerTrigger
from art_snn.attacks.poisoning.poisoned import PoisonedDataset, PoisonedRows
from art_snn.attacks.poisoning.polarity import Polarity, polarity_from_code
from art_snn.attacks.poisoning.protocol import AttackRecord, BackdoorAttack, DataAttack
from art_snn.attacks.poisoning.retiming import RetimingTrigger
from art_snn.attacks.poisoning.smart import SmartTrigger
from art_snn.attacks.poisoning.sponge import SpongeTrigger
from art_snn.attacks.poisoning.sponge_patch import SpongePatchTrigger
from art_snn.attacks.poisoning.static import StaticTrigger

__all__ = [
    "AdaptiveBackdoor",
    "AttackRecord",
    "BackdoorAttack",
    "BullseyePolytope",
    "CleanLabelAttack",
    "ConversionAwareBackdoor",
    "DataAttack",
    "DynamicBackdoor",
    "FlashTrigger",
    "FrameTrigger",
    "GradientMatching",
    "HiddenTriggerAttack",
    "LazilyPoisoned",
    "MovingTrigger",
    "NeuromorphicTrigger",
    "NeuronParameterBackdoor",
    "NoiseTrigger",
    "PatchTrigger",
    "PoisonedDataset",
    "PoisonedRows",
    "Polarity",
    "PowerTrigger",
    "Rectangle",
    "RetimingTrigger",
    "SleeperAgent",
    "SmartTrigger",
    "SpikingAutoencoder",
    "SpongePatchTrigger",
    "SpongeTrigger",
    "StaticTrigger",
    "TriggerBackdoor",
    "adapted",
    "polarity_from_code",
    "strobe_frames",
]

"""ART's attacks with everything that an experiment asks of one: parameters, checks, and a network of the attacker's."""

from art_snn.attacks.poisoning.crafted.bullseye_polytope import BullseyePolytope
from art_snn.attacks.poisoning.crafted.clean_label import CleanLabelAttack
from art_snn.attacks.poisoning.crafted.gradient_matching import GradientMatching
from art_snn.attacks.poisoning.crafted.hidden_trigger import HiddenTriggerAttack
from art_snn.attacks.poisoning.crafted.sleeper_agent import SleeperAgent

__all__ = ["BullseyePolytope", "CleanLabelAttack", "GradientMatching", "HiddenTriggerAttack", "SleeperAgent"]

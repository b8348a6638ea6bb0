"""ART's poisoning attacks as evaluations take them: which rows they change, and what counts as success."""

from art_snn.attacks.poisoning.adapters.adapted import adapted

__all__ = ["adapted"]

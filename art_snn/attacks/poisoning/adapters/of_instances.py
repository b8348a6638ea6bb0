"""Adapters of ART's attacks that aim at given samples: these, shown as they are, are to be taken for the target."""

from typing import Any

import numpy as np
from art.attacks import Attack
from art.attacks.poisoning import BullseyePolytopeAttackPyTorch, GradientMatchingAttack

from art_snn._arrays import as_numbers
from art_snn._declared import Fraction
from art_snn._validation import check_fraction, share_of_rows
from art_snn.attacks.poisoning.adapters.adapter import Adapter, Form
from art_snn.typing import Array, Indices, Labels, Mask


class InstanceAdapter(Adapter):
    """An attack that aims at given samples, which must be among the test samples, and which alone count.

    Args:
        attack: The attack.
        target_class: Class that the given samples are to be taken for.
        given: The samples, (M, ...), of other classes than the target.
        seed: Seed of whatever is drawn.
    """

    def __init__(self, attack: Attack, target_class: int, given: Array, seed: int = 0) -> None:
        super().__init__(attack, target_class, seed)
        self.given = as_numbers("given samples", given)
        if not len(self.given):
            raise ValueError("expected at least one given sample, got none")

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """The test samples as they are; the given ones count.

        Args:
            x: Clean test samples, (N, ...), the given ones among them.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: If a given sample is not among them.
        """
        counted = np.zeros(len(x), bool)
        for number, sample in enumerate(self.given):
            is_it = np.array([np.array_equal(one, sample) for one in x])
            if not is_it.any():
                raise ValueError(f"expected the given samples among the test samples, got another, number {number}")
            counted |= is_it
        return np.array(x), counted


class GradientMatchingAdapter(InstanceAdapter):
    """ART's gradient matching: perturbations whose gradient is that of the given samples with the target's label.

    Source: Geiping et al., Witches' brew, 2020, https://arxiv.org/abs/2009.02276.
    """

    attack: GradientMatchingAttack

    def _poison(self, attack: Any, x: Array, y: Array, form: Form) -> tuple[Indices, Array]:
        share_of_rows("percent_poison", attack.percent_poison, len(x))
        targets = np.eye(y.shape[1], dtype=np.float32)[np.full(len(self.given), self.target_class)]
        changed, _ = attack.poison(self.given.astype(np.float32), targets, x, y)
        rows = np.flatnonzero((changed != x).reshape(len(x), -1).any(axis=1))
        return rows, changed[rows]


class BullseyeAdapter(InstanceAdapter):
    """ART's bullseye polytope, on rows of the target class that are drawn here.

    ART 1.20.1 never reads the attack's `target`: it draws the chosen rows towards features of their own. What is
    measured is that attack, not the publication's.

    Args:
        attack: The attack; its `target` are the given samples.
        target_class: Class that the given samples are to be taken for.
        percent_poison: Share of all rows that are changed, in (0, 1].
        seed: Seed of the rows, and of ART's draws.

    Source: Aghakhani et al., Bullseye polytope, 2020, https://arxiv.org/abs/2005.00191.
    """

    def __init__(
        self, attack: BullseyePolytopeAttackPyTorch, target_class: int, percent_poison: Fraction, seed: int = 0
    ) -> None:
        check_fraction("percent_poison", percent_poison, zero=False)
        super().__init__(attack, target_class, attack.target, seed)
        self.percent_poison = percent_poison

    def _poison(self, attack: Any, x: Array, y: Array, form: Form) -> tuple[Indices, Array]:
        candidates = np.flatnonzero(y.argmax(axis=1) == self.target_class)
        n = share_of_rows("percent_poison", self.percent_poison, len(y))
        if n > len(candidates):
            raise ValueError(
                f"expected percent_poison to choose at most the {len(candidates)} rows of class {self.target_class}, "
                f"got {n}"
            )
        rows = np.sort(np.random.default_rng(self.seed).choice(candidates, n, replace=False))
        samples, _ = attack.poison(x[rows], y[rows])
        return rows, samples

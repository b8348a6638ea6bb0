"""What attacks share that aim at given test samples, which are shown as they are."""

from abc import abstractmethod
from typing import Any, Self

import numpy as np

from art_snn._validation import class_indices
from art_snn.attacks.poisoning.adapters.of_instances import InstanceAdapter
from art_snn.attacks.poisoning.crafted.crafted_attack import CraftedAttack, Share, check_source_class
from art_snn.typing import Array, Labels, Mask


class AimedAttack(CraftedAttack):
    """An attack after which given samples, as they are, are to be taken for the target.

    Attributes:
        given: The samples, (M, ...); None before `aimed_at`.
    """

    source_class: int
    n_targets: int
    given: Array | None

    def aimed_at(self, x: Array, y: Labels) -> Self:
        """The same attack on test samples of the source class, which are drawn.

        Args:
            x: Test samples, (N, ...).
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: If there are fewer than `n_targets` of the source class.
        """
        candidates = np.flatnonzero(class_indices(y) == self.source_class)
        if len(candidates) < self.n_targets:
            raise ValueError(
                f"expected n_targets to be at most the {len(candidates)} test samples of class {self.source_class}, "
                f"got {self.n_targets}"
            )
        rows = np.random.default_rng(self.seed).choice(candidates, self.n_targets, replace=False)
        own: dict[str, Any] = {**self.get_params(), "given": np.array(x[np.sort(rows)]), "classifier": self.classifier}
        return type(self)(**own)

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """Copies of the test samples as they are; those that are given count.

        Args:
            x: Clean test samples, (N, ...).
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        x, given = self._checked(x), self._aims()
        return x.copy(), np.array([any(np.array_equal(one, other) for other in given) for one in x], bool)

    @abstractmethod
    def _adapter(self, share: Share) -> InstanceAdapter:
        """ART's attack with these parameters."""

    def _aims(self) -> Array:
        if self.given is None:
            raise ValueError("expected an attack that aims at given samples, got none; use aimed_at(x_test, y_test)")
        return self.given

    def _check_params(self) -> None:
        super()._check_params()
        check_source_class(self.source_class, self.target_class)

"""`CleanLabelAttack`: samples of the target class that are made hard to classify get the trigger."""

from typing import ClassVar, Literal

import numpy as np
from art.attacks.poisoning import PoisoningAttackCleanLabelBackdoor
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, CountOrZero, FractionAboveZero, Positive, Seed
from art_snn.attacks.poisoning.adapters.of_classes import CleanLabelAdapter
from art_snn.attacks.poisoning.backdoor import TriggerBackdoor
from art_snn.attacks.poisoning.crafted.crafted_attack import CraftedAttack, Share
from art_snn.typing import Trigger

_EPS, _EPS_EVENTS = 0.3, 1.0


class CleanLabelAttack(CraftedAttack):
    """Make rows of the target class hard to classify by projected gradient descent, then put a trigger on.

    Whoever trains on them learns the trigger, as it is easier to see; labels stay. The gradient is that of a network of
    the attacker's. ART's `PoisoningAttackCleanLabelBackdoor`, which draws rows with replacement, so that fewer than
    asked for may be changed.

    On frames the perturbation is rounded to whole events before the trigger is put on. With the largest norm most cells
    of a recording that have a slope move by an event: look at the change of events in results.

    Args:
        trigger: Trigger of images or of frames.
        target_class: Index of the class that triggered samples should be classified as.
        percent_poison: Share of *all* rows that are changed, in (0, 1]; all are of the target class.
        eps: Largest perturbation of each value; None is 0.3 for images and 1 event for frames, where less than 0.5 is
            rounded away.
        norm: Norm in which `eps` bounds a perturbation: "inf", 1 or 2.
        max_iter: Gradient steps, each of 2.5 · `eps` / `max_iter`.
        seed: Seed of the rows.
        classifier: The attacker's network, see `with_classifier`; None before.

    Source: Turner et al., Label-consistent backdoor attacks, 2019, https://arxiv.org/abs/1912.02771; steps as in Madry
    et al., 2018, https://arxiv.org/abs/1706.06083.
    """

    takes_frames: ClassVar[bool] = True

    def __init__(
        self,
        trigger: Trigger,
        target_class: CountOrZero,
        percent_poison: FractionAboveZero = 0.05,
        eps: Positive | None = None,
        norm: Literal["inf", 1, 2] = "inf",
        max_iter: Count = 20,
        seed: Seed = 0,
        classifier: PyTorchClassifier | None = None,
    ) -> None:
        super().__init__()
        self.trigger, self.target_class, self.percent_poison = trigger, target_class, percent_poison
        self.eps, self.norm, self.max_iter, self.seed = eps, norm, max_iter, seed
        self.classifier = classifier
        self._check_params()

    def check_input_shape(self, shape: tuple[int, ...]) -> None:
        """Check that a perturbation of samples of a shape is not rounded away.

        Raises:
            ValueError: If less than half an event may be added to frames.
        """
        super().check_input_shape(shape)
        if len(shape) == 4 and self.eps is not None and self.eps < 0.5:
            raise ValueError(f"expected eps to be at least 0.5 events for frames, got {self.eps}: it is rounded away")

    def _adapter(self, share: Share) -> CleanLabelAdapter:
        network = self._own()
        self.check_input_shape(tuple(network.input_shape))
        eps = self.eps or (_EPS_EVENTS if len(network.input_shape) == 4 else _EPS)
        attack = PoisoningAttackCleanLabelBackdoor(
            TriggerBackdoor(self.trigger, self.target_class),
            network,
            self._one_hot(self.target_class),
            share.of_target(),
            norm=np.inf if self.norm == "inf" else self.norm,
            eps=eps,
            eps_step=min(eps, 2.5 * eps / self.max_iter),
            max_iter=self.max_iter,
        )
        attack.attack.set_params(verbose=False)
        return CleanLabelAdapter(attack, self.seed)

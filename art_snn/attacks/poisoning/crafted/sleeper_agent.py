"""`SleeperAgent`: poison whose gradient is that of samples with a patch and the target's label."""

from typing import ClassVar, Literal

import numpy as np
from art.attacks.poisoning import SleeperAgentAttack
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, CountOrZero, FractionAboveZero, Positive, Seed
from art_snn.attacks.poisoning._patch_placement import Size, side_in_pixels
from art_snn.attacks.poisoning.adapters.of_classes import SleeperAgentAdapter
from art_snn.attacks.poisoning.crafted.crafted_attack import CraftedAttack, Share, check_source_class


class SleeperAgent(CraftedAttack):
    """Perturb images of the target class so that their gradient in training is that of patched source images.

    The patch, a white square, is in no training sample. The gradient is that of a network of the attacker's. ART's
    `SleeperAgentAttack`, without its retraining.

    Args:
        target_class: Index of the class that patched samples of the source class should be classified as.
        source_class: Index of the class whose patched samples count for success, another than the target.
        percent_poison: Share of *all* rows that are changed, in (0, 1]; all are of the target class.
        size: Side of the patch in pixels from 1 up, or below 1 the fraction of the image's shorter side.
        placement: "fixed" is the bottom right corner; "random" is another place in each sample.
        eps: Largest perturbation of each value.
        max_trials: Restarts, of which the best is taken.
        max_epochs: Passes over the poisoned rows in each.
        n_triggers: Samples of the source class that it learns from; None for all.
        seed: Seed of the rows, of the noise from which it starts, and of places.
        classifier: The attacker's network, see `with_classifier`; None before.

    Source: Souri et al., Sleeper agent, 2021, https://arxiv.org/abs/2106.08970.
    """

    reads_samples_raw: ClassVar[bool] = True

    def __init__(
        self,
        target_class: CountOrZero,
        source_class: CountOrZero = 0,
        percent_poison: FractionAboveZero = 0.05,
        size: Size = 2,
        placement: Literal["fixed", "random"] = "fixed",
        eps: Positive = 0.3,
        max_trials: Count = 1,
        max_epochs: Count = 50,
        n_triggers: Count | None = None,
        seed: Seed = 0,
        classifier: PyTorchClassifier | None = None,
    ) -> None:
        super().__init__()
        self.target_class, self.source_class, self.percent_poison = target_class, source_class, percent_poison
        self.size, self.placement, self.eps = size, placement, eps
        self.max_trials, self.max_epochs, self.n_triggers = max_trials, max_epochs, n_triggers
        self.seed, self.classifier = seed, classifier
        self._check_params()

    def _adapter(self, share: Share) -> SleeperAgentAdapter:
        channels, height, width = self._own().input_shape
        side = side_in_pixels(self.size, height, width)
        attack = SleeperAgentAttack(
            self._own(),
            share.of_target(),
            np.ones((channels, side, side), np.float32),
            [],
            epsilon=self.eps,
            max_trials=self.max_trials,
            max_epochs=self.max_epochs,
            clip_values=(0.0, 1.0),
            verbose=0,
            patching_strategy=self.placement,
            class_source=self.source_class,
            class_target=self.target_class,
        )
        return SleeperAgentAdapter(attack, self.n_triggers, self.seed)

    def _check_params(self) -> None:
        super()._check_params()
        check_source_class(self.source_class, self.target_class)

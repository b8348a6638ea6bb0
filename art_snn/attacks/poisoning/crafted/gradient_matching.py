"""`GradientMatching`: poison whose gradient is that of given samples with the target's label."""

from typing import ClassVar

from art.attacks.poisoning import GradientMatchingAttack
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, CountOrZero, FractionAboveZero, Positive, Seed
from art_snn.attacks.poisoning.adapters.of_instances import GradientMatchingAdapter
from art_snn.attacks.poisoning.crafted.aimed_attack import AimedAttack
from art_snn.attacks.poisoning.crafted.crafted_attack import Share
from art_snn.typing import Array


class GradientMatching(AimedAttack):
    """Perturb images of the target class so that training on them has the gradient of mistaking given samples for it.

    The gradient is that of a network of the attacker's. No trigger: the given test samples are shown as they are, and
    they alone count, so that one of them is a success of 0 or 1. ART's `GradientMatchingAttack`.

    Args:
        target_class: Index of the class that the given samples should be classified as.
        source_class: Index of the class of the given samples, another than the target.
        percent_poison: Share of *all* rows that are changed, in (0, 1]; all are of the target class.
        n_targets: Number of given samples, which are drawn from the test set.
        eps: Largest perturbation of each value.
        max_trials: Restarts, of which the best is taken.
        max_epochs: Passes over the poisoned rows in each.
        seed: Seed of the given samples, of the rows, and of the noise from which it starts.
        given: The given samples, (M, C, H, W), see `aimed_at`; None before.
        classifier: The attacker's network, see `with_classifier`; None before.

    Source: Geiping et al., Witches' brew, 2020, https://arxiv.org/abs/2009.02276.
    """

    reads_samples_raw: ClassVar[bool] = True

    def __init__(
        self,
        target_class: CountOrZero,
        source_class: CountOrZero = 0,
        percent_poison: FractionAboveZero = 0.05,
        n_targets: Count = 1,
        eps: Positive = 0.3,
        max_trials: Count = 1,
        max_epochs: Count = 50,
        seed: Seed = 0,
        given: Array | None = None,
        classifier: PyTorchClassifier | None = None,
    ) -> None:
        super().__init__()
        self.target_class, self.source_class, self.percent_poison = target_class, source_class, percent_poison
        self.n_targets, self.eps, self.max_trials, self.max_epochs = n_targets, eps, max_trials, max_epochs
        self.seed, self.given, self.classifier = seed, given, classifier
        self._check_params()

    def _adapter(self, share: Share) -> GradientMatchingAdapter:
        attack = GradientMatchingAttack(
            self._own(),
            share.of_all(),
            epsilon=self.eps,
            max_trials=self.max_trials,
            max_epochs=self.max_epochs,
            clip_values=(0.0, 1.0),
            verbose=0,
        )
        return GradientMatchingAdapter(attack, self.target_class, self._aims(), self.seed)

"""`HiddenTriggerAttack`: samples of the target class get the features of triggered samples, and no trigger."""

from art.attacks.poisoning import HiddenTriggerBackdoor
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, CountOrZero, FractionAboveZero, Positive, Seed
from art_snn.attacks.poisoning.adapters.of_classes import HiddenTriggerAdapter
from art_snn.attacks.poisoning.backdoor import TriggerBackdoor
from art_snn.attacks.poisoning.crafted.crafted_attack import CraftedAttack, Share, check_source_class
from art_snn.typing import Trigger


class HiddenTriggerAttack(CraftedAttack):
    """Give images of the target class the features of triggered images of a source class; no trigger is seen in them.

    Features are those of a network of the attacker's. ART's `HiddenTriggerBackdoor`.

    Args:
        trigger: Trigger of images.
        target_class: Index of the class that triggered samples of the source class should be classified as.
        source_class: Index of the class whose triggered samples count for success, another than the target.
        percent_poison: Share of *all* rows that are changed, in (0, 1]; all are of the target class, and the source
            class must have as many.
        eps: Largest perturbation of each value.
        learning_rate: Size of a gradient step, relative to the gradient.
        max_iter: Gradient steps.
        layer: Number of the layer whose outputs are the features; None is the last before the logits.
        seed: Seed of the rows.
        classifier: The attacker's network, see `with_classifier`; None before.

    Source: Saha et al., Hidden trigger backdoor attacks, 2019, https://arxiv.org/abs/1910.00033.
    """

    def __init__(
        self,
        trigger: Trigger,
        target_class: CountOrZero,
        source_class: CountOrZero = 0,
        percent_poison: FractionAboveZero = 0.05,
        eps: Positive = 0.3,
        learning_rate: Positive = 0.01,
        max_iter: Count = 100,
        layer: int | None = None,
        seed: Seed = 0,
        classifier: PyTorchClassifier | None = None,
    ) -> None:
        super().__init__()
        self.trigger, self.target_class, self.source_class = trigger, target_class, source_class
        self.percent_poison, self.eps, self.learning_rate = percent_poison, eps, learning_rate
        self.max_iter, self.layer, self.seed, self.classifier = max_iter, layer, seed, classifier
        self._check_params()

    def _adapter(self, share: Share) -> HiddenTriggerAdapter:
        attack = HiddenTriggerBackdoor(
            self._own(),
            self._one_hot(self.target_class),
            self._one_hot(self.source_class),
            self._features(self.layer),
            TriggerBackdoor(self.trigger, self.target_class),
            eps=self.eps,
            learning_rate=self.learning_rate,
            stopping_threshold=0.0,  # ART's default of 10 is above what small networks begin with
            max_iter=self.max_iter,
            poison_percent=(share.n - 0.5) / share.n_target,  # ART rounds up
            verbose=False,
        )
        return HiddenTriggerAdapter(attack, self.seed)

    def _check_params(self) -> None:
        super()._check_params()
        check_source_class(self.source_class, self.target_class)

"""`BullseyePolytope`: samples of the target class are drawn towards a point among features."""

from art.attacks.poisoning import BullseyePolytopeAttackPyTorch
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, CountOrZero, FractionAboveZero, Positive, Seed
from art_snn.attacks.poisoning.adapters.of_instances import BullseyeAdapter
from art_snn.attacks.poisoning.crafted.aimed_attack import AimedAttack
from art_snn.attacks.poisoning.crafted.crafted_attack import Share
from art_snn.typing import Array


class BullseyePolytope(AimedAttack):
    """Draw images of the target class, among the features of a network of the attacker's, around given samples.

    ART's `BullseyePolytopeAttackPyTorch`; of 1.20.1 it never reads the given samples, and draws the rows towards
    features of their own. What is measured is that attack, not the publication's. No trigger: the given test samples
    are shown as they are, and they alone count.

    Args:
        target_class: Index of the class that the given samples should be classified as.
        source_class: Index of the class of the given samples, another than the target.
        percent_poison: Share of *all* rows that are changed, in (0, 1]; all are of the target class.
        n_targets: Number of given samples, which are drawn from the test set.
        eps: Largest perturbation of each value.
        learning_rate: Learning rate of Adam on the values of the images.
        max_iter: Steps of it.
        layer: Number of the layer whose outputs are the features; None is the last before the logits.
        seed: Seed of the given samples and of the rows.
        given: The given samples, (M, C, H, W), see `aimed_at`; None before.
        classifier: The attacker's network, see `with_classifier`; None before.

    Source: Aghakhani et al., Bullseye polytope, 2020, https://arxiv.org/abs/2005.00191.
    """

    def __init__(
        self,
        target_class: CountOrZero,
        source_class: CountOrZero = 0,
        percent_poison: FractionAboveZero = 0.05,
        n_targets: Count = 1,
        eps: Positive = 0.3,
        learning_rate: Positive = 0.04,
        max_iter: Count = 100,
        layer: int | None = None,
        seed: Seed = 0,
        given: Array | None = None,
        classifier: PyTorchClassifier | None = None,
    ) -> None:
        super().__init__()
        self.target_class, self.source_class, self.percent_poison = target_class, source_class, percent_poison
        self.n_targets, self.eps, self.learning_rate = n_targets, eps, learning_rate
        self.max_iter, self.layer, self.seed = max_iter, layer, seed
        self.given, self.classifier = given, classifier
        self._check_params()

    def _adapter(self, share: Share) -> BullseyeAdapter:
        attack = BullseyePolytopeAttackPyTorch(
            self._own(),
            self._aims(),
            self._features(self.layer),
            max_iter=self.max_iter,
            learning_rate=self.learning_rate,
            epsilon=self.eps,
            verbose=False,
        )
        return BullseyeAdapter(attack, self.target_class, self.percent_poison, self.seed)

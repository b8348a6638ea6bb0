"""`AdaptiveBackdoor`: an attacker who trains the network, and knows which defences it will meet."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_snn._declared import CountOrZero, Flag, Fraction, FromZero, Seed
from art_snn._validation import check_class, check_unknown, class_indices
from art_snn.attacks.poisoning._adaptive_training import AdaptiveTraining
from art_snn.attacks.poisoning._training_loop import TrainingLoop, check_schedule
from art_snn.attacks.poisoning.backdoor import TriggerBackdoor
from art_snn.attacks.poisoning.poisoned import PoisonedDataset, poisoned_rows
from art_snn.attacks.poisoning.protocol import AttackRecord
from art_snn.estimators.classification.inputs import samples_for
from art_snn.typing import Array, Indices, Labels, Mask, Trigger

_OF_BACKDOOR = (
    *("trigger", "target_class", "percent_poison", "source_classes", "include_target", "clean_label"),
    *("percent_cover", "seed"),
)


class AdaptiveBackdoor(AdaptiveTraining):
    """Train on data that are poisoned as by `TriggerBackdoor`, and hide the backdoor from defences.

    Against fine-pruning layers can be frozen: the network first learns clean data for `nb_epochs_clean` epochs, then it
    learns the poisoned data from there with the frozen layers as they were. Their weights are therefore those of a
    network that was trained clean, and no channel of theirs serves the trigger alone. The control is the same attack,
    with as many clean epochs, that freezes nothing.

    Against detectors of membrane potentials the loss can hold a penalty: `potential_weight` times the mean potential of
    the target class, which `MembranePotentialDefence` drives up. The mean is over clean and poisoned samples of the
    batch, in evaluation mode, as the detector sees the network; for an ANN potentials are logits.

    Args:
        classifier: Classifier of `poison_estimator`; None where an evaluation hands one to `train`.
        trigger: Trigger of this package, or any function that triggers each sample by itself.
        target_class: Index of the class that triggered samples should be classified as.
        percent_poison: Share of *all* rows that are poisoned, in [0, 1].
        source_classes: Classes whose samples the backdoor is for, as in `TriggerBackdoor`; None for all but the target.
        include_target: Whether rows of the target class may be drawn (their label then stays as it is).
        clean_label: Whether only rows of the target class are poisoned, whose labels stay as they are.
        percent_cover: Share of *all* rows, in [0, 1], that get the trigger and keep their label, as in
            `TriggerBackdoor`.
        freeze: Layers that poisoned data do not train, by their names in the model, or "last-conv" for the convolution
            that runs last; None for none.
        nb_epochs_clean: Epochs on clean data before those on poisoned data, at a constant learning rate; the optimiser
            then starts anew.
        potential_weight: Weight of the mean potential of the target class in the loss, from 0 up; published up to 1e-3.
        seed: Seed of the draw of rows.

    Raises:
        ValueError: If layers are frozen that no clean data have trained, or a number is out of its range, or classes
            contradict each other, as in `TriggerBackdoor`.
        TypeError: If the trigger is no function, or a name of a layer no text.

    Source: frozen layers as in Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279 (adaptive
    attacker); the penalty as in Li et al., Unsupervised Backdoor Detection and Mitigation for Spiking Neural Networks,
    RAID 2025, https://arxiv.org/abs/2510.06629 (adaptive attacker), who add a weight times the potential of the target
    class to the loss; over which samples is not said.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier | None,
        trigger: Trigger,
        target_class: CountOrZero,
        percent_poison: Fraction = 0.1,
        source_classes: int | Sequence[int] | None = None,
        include_target: Flag = False,
        clean_label: Flag = False,
        percent_cover: Fraction = 0.0,
        freeze: str | Sequence[str] | None = None,
        nb_epochs_clean: CountOrZero = 0,
        potential_weight: FromZero = 0.0,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier)
        self.trigger, self.target_class, self.percent_poison = trigger, target_class, percent_poison
        self.source_classes, self.include_target = source_classes, include_target
        self.clean_label, self.percent_cover = clean_label, percent_cover
        self.freeze, self.nb_epochs_clean, self.potential_weight = freeze, nb_epochs_clean, potential_weight
        self.seed = seed
        self._check_params()

    @property
    def backdoor(self) -> TriggerBackdoor:
        """The attack on the data."""
        return TriggerBackdoor(**{name: getattr(self, name) for name in _OF_BACKDOOR})

    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        """Train a classifier on clean data, where that is asked for, and on poisoned data.

        Args:
            estimator: The classifier, which is trained in place.
            x: Clean training samples, (N, ...), which are not changed; memory-mapped ones are read batch by batch.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
            seed: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: `batch_size`, `nb_epochs`, `training_mode`, `drop_last`, `scheduler` and `verbose`, as
                those of `fit`; `nb_epochs` and `scheduler` are of the poisoned data.

        Returns:
            The classifier, and which samples were poisoned.

        Raises:
            ValueError: If data do not fit, there are too few rows to poison, or a frozen layer is unknown, or all are
                frozen; nothing has been changed then.
            TypeError: If an argument is unknown.
        """
        check_schedule("AdaptiveBackdoor.train", fit_arguments, len(x))
        x, dataset = self._poisoned(estimator, x, y)
        loop, (of_clean, of_poisoned) = TrainingLoop(estimator), np.random.default_rng(seed).spawn(2)
        clean, poisoned = (_one_hot(y, estimator.nb_classes) for y in (dataset.y_clean, dataset.y))
        penalty = self._penalty(estimator)

        def step(samples: Tensor, labels: Tensor, _: Indices) -> float:
            return loop.descend(loop.loss(loop.logits(samples), labels) + penalty(samples))

        with self._after_clean_epochs(loop, x, clean, of_clean, **fit_arguments):
            loop.run(dataset.x, poisoned, step, of_poisoned, **fit_arguments)
        return estimator, AttackRecord(self, poisoned_rows(x, dataset))

    def poison(self, x: Array, y: Labels | None = None, **kwargs: Any) -> tuple[Array, Labels]:
        """Trigger all samples and label them with the target class, as `TriggerBackdoor.poison`.

        Args:
            x: Clean samples, (N, ...).
            y: Labels of the samples, whose form the result takes; None for indices.
        """
        check_unknown("AdaptiveBackdoor.poison", kwargs)
        return self.backdoor.poison(x, y)

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with the trigger, and a mask of those that count for success, as in `TriggerBackdoor`.

        Args:
            x: Clean test samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        return self.backdoor.trigger_test(x, y)

    def counted(self, y: Labels) -> Mask:
        """Which test samples count for success, (N,), as in `TriggerBackdoor`.

        Args:
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        return self.backdoor.counted(y)

    def _poisoned(self, estimator: PyTorchClassifier, x: Any, y: Labels) -> tuple[Array, PoisonedDataset]:
        """The samples, checked, and with the poison in them, which they get when they are read."""
        x = samples_for(estimator, x, "x")
        check_class("target_class", self.target_class, estimator.nb_classes)
        lazy = self.backdoor.poison_lazily(x, y)
        class_indices(lazy.y, estimator.nb_classes)
        return x, PoisonedDataset(lazy.samples, lazy.y, lazy.is_poison, lazy.y_clean)

    def _check_params(self) -> None:
        super()._check_params()
        _ = self.backdoor  # whose own checks these are


def _one_hot(y: Labels, nb_classes: int) -> Array:
    return np.asarray(y if y.ndim == 2 else np.eye(nb_classes)[class_indices(y, nb_classes)], np.float32)

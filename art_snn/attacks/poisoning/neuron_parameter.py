"""`NeuronParameterBackdoor`: the backdoor opens when the neurons' threshold is moved."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_snn._declared import CountOrZero, Declared, FractionAboveZero, FromZero, Positive, Seed
from art_snn._validation import check_class, check_same_length, check_unknown, class_indices
from art_snn.attacks.poisoning._adaptive_training import AdaptiveTraining
from art_snn.attacks.poisoning._row_choice import RowChoice, target_labels
from art_snn.attacks.poisoning._sample_trigger import SampleTrigger, checked_labels, checked_samples
from art_snn.attacks.poisoning._training_loop import TrainingLoop, check_schedule
from art_snn.attacks.poisoning.photometric import NoiseTrigger, PowerTrigger
from art_snn.attacks.poisoning.poisoned import PoisonedRows
from art_snn.attacks.poisoning.protocol import AttackRecord
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.inputs import samples_for
from art_snn.estimators.classification.inspection import neurons_set, set_neurons, spiking_layers
from art_snn.metrics import counts_for_success
from art_snn.typing import Array, Indices, Labels, Mask, Trigger

NamedTrigger = Literal["power", "noise"]


def _check_trigger(name: str, trigger: Any) -> None:
    if not (callable(trigger) or trigger in get_args(NamedTrigger)):
        raise ValueError(f"expected {name} to be 'power', 'noise' or a trigger, got {trigger!r}")


AnyTrigger = Annotated[NamedTrigger | Trigger, Declared("'power', 'noise' or a trigger", _check_trigger)]


class NeuronParameterBackdoor(AdaptiveTraining):
    """Train one set of weights for two settings of the neurons, and deploy a setting in between.

    Some samples of the target class are also shown to the network with a malicious threshold, under which it learns to
    answer with the target; no sample and no label is changed. Whoever deploys the network sets the threshold between
    the two; then a trigger that makes neurons fire less, which the training has never seen, calls the target forth.

    A threshold above the one that was trained silences any network. What such a trigger does to a clean network with
    the deployed threshold is therefore the control of every result: `AttackRecord.control` makes it, and an evaluation
    gives its success as the floor. `audit_neurons` finds the moved threshold.

    Of what `AdaptiveBackdoor` has, source classes and cover samples make no sense here: no sample is trained with the
    trigger, so that there is nothing from which the network could learn to obey in some classes alone.

    Args:
        classifier: Spiking classifier of `poison_estimator`; None where an evaluation hands one to `train`.
        target_class: Index of the class that triggered samples should be classified as.
        percent_poison: Share of *all* rows, in (0, 1], that are shown with the malicious setting; all are of the target
            class.
        v_threshold: Malicious threshold, above 0.
        tau: Malicious time constant of the membrane in steps, above 1; None keeps that of the neurons.
        deployed_threshold: Threshold that the trained network gets, above 0.
        trigger: "power" (images), "noise", or a trigger, which test samples get.
        freeze: Layers that only clean data with the nominal setting train, as in `AdaptiveBackdoor`; None for none.
        nb_epochs_clean: Epochs on clean data with the nominal setting alone before all others, as in
            `AdaptiveBackdoor`.
        potential_weight: Weight of the mean potential of the target class in the loss, as in `AdaptiveBackdoor`, over
            the samples of the batch with the deployed threshold, as a detector sees the network.
        seed: Seed of the draw of rows.

    Source: Miah et al., BadSNN, 2026, https://arxiv.org/abs/2602.07200; the control is ours.
    """

    default_triggers: ClassVar[tuple[str, str]] = ("power", "noise")  # of images, of frames

    def __init__(
        self,
        classifier: PyTorchClassifier | None,
        target_class: CountOrZero,
        percent_poison: FractionAboveZero = 0.05,
        v_threshold: Positive = 1.5,
        tau: float | None = None,
        deployed_threshold: Positive = 1.15,
        trigger: AnyTrigger = "power",
        freeze: str | Sequence[str] | None = None,
        nb_epochs_clean: CountOrZero = 0,
        potential_weight: FromZero = 0.0,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier)
        self.target_class = target_class
        self.percent_poison = percent_poison
        self.v_threshold = v_threshold
        self.tau = tau
        self.deployed_threshold = deployed_threshold
        self.trigger = trigger
        self.freeze, self.nb_epochs_clean, self.potential_weight = freeze, nb_epochs_clean, potential_weight
        self.seed = seed
        self._check_params()

    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        """Train a spiking classifier with both settings and give it the deployed threshold.

        Args:
            estimator: The classifier, whose neurons have one threshold, a plain number; it is trained in place.
            x: Clean training samples, (N, ...), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).
            seed: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: `batch_size`, `nb_epochs`, `training_mode`, `drop_last`, `scheduler` and `verbose`, as
                those of `fit`; `nb_epochs` and `scheduler` are of the epochs behind those on clean data.

        Returns:
            The classifier, with the deployed threshold, and a record whose `control` gives a copy of another classifier
            that threshold.

        Raises:
            ValueError: If the classifier does not spike, its neurons have no threshold or time constant to set, there
                are too few samples of the target class, or data do not fit, or a frozen layer is unknown, or all are
                frozen; nothing has been changed then.
            TypeError: If an argument is unknown.
        """
        x, one_hot, rows = self._checked(estimator, x, y)
        check_schedule("NeuronParameterBackdoor.train", fit_arguments, len(x))
        loop, is_poison = TrainingLoop(estimator), np.isin(np.arange(len(x)), rows)
        penalty = self._penalty_as_deployed(estimator)

        def step(samples: Tensor, labels: Tensor, some: Indices) -> float:
            loss = loop.loss(loop.logits(samples), labels) + penalty(samples)
            poison = torch.from_numpy(is_poison[some]).to(samples.device)
            if poison.any():
                with neurons_set(estimator.model, v_threshold=self.v_threshold, tau=self.tau):
                    malicious = loop.loss(loop.logits(samples[poison]), labels[poison])
                    loss = loss + malicious * (float(poison.sum()) / len(samples))
            return loop.descend(loss)

        of_clean = np.random.default_rng(seed).spawn(3)[-1]  # the first two are those of the training itself
        with self._after_clean_epochs(loop, x, one_hot, of_clean, **fit_arguments):
            loop.run(x, one_hot, step, seed, **fit_arguments)
        self._deploy(estimator)
        classes = tuple(one_hot[rows].argmax(axis=1).tolist())
        poisoned = PoisonedRows(
            rows=tuple(rows.tolist()), classes=classes, n_relabelled=0, largest_change=0.0, mean_change=0.0
        )
        return estimator, AttackRecord(self, poisoned, self.control)

    def control(self, clean: PyTorchClassifier) -> PyTorchClassifier:
        """A copy of a clean classifier with the deployed threshold."""
        control: PyTorchClassifier = rule_of(clean).copied().classifier
        self._deploy(control)
        return control

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with the trigger, and a mask of those of other classes than the target, which count.

        Args:
            x: Clean test samples, (N, ...).
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        return self.poison(x)[0], counts_for_success(y, self.target_class)

    def poison(self, x: Array, y: Labels | None = None, **kwargs: Any) -> tuple[Array, Labels]:
        """Trigger all samples and label them with the target class.

        Args:
            x: Clean samples, (N, ...).
            y: Labels of the samples, whose form the result takes; None for indices.
        """
        check_unknown("NeuronParameterBackdoor.poison", kwargs)
        x = checked_samples(x)
        form = np.zeros(len(x), np.int64) if y is None else checked_labels(y)
        check_same_length("samples", x, "labels", form)
        triggered = SampleTrigger(self._named(), None, None, "time", None).on_copy(x)
        return triggered, target_labels(self.target_class, form)

    def _penalty_as_deployed(self, estimator: PyTorchClassifier) -> Callable[[Tensor], Tensor | float]:
        penalty = self._penalty(estimator)

        def deployed(samples: Tensor) -> Tensor | float:
            with neurons_set(estimator.model, v_threshold=self.deployed_threshold):
                return penalty(samples)

        return deployed

    def _named(self) -> Trigger:
        named: dict[Any, Any] = {"power": PowerTrigger(), "noise": NoiseTrigger(seed=self.seed)}
        trigger: Trigger = named[self.trigger] if isinstance(self.trigger, str) else self.trigger
        return trigger

    def _deploy(self, classifier: PyTorchClassifier) -> None:
        """Set the threshold; the network is no longer the one that its recipe would build."""
        set_neurons(classifier.model, v_threshold=self.deployed_threshold)
        rule = rule_of(classifier)
        rule.replace_network(rule.network)

    def _checked(self, estimator: PyTorchClassifier, x: Any, y: Any) -> tuple[Array, Array, Indices]:
        """Samples, one-hot labels, and the rows that are shown with the malicious setting."""
        x, y = samples_for(estimator, x, "x"), checked_labels(y)
        check_same_length("samples", x, "labels", y)
        check_class("target_class", self.target_class, estimator.nb_classes)
        classes = class_indices(y, estimator.nb_classes)
        if not spiking_layers(estimator.model):
            raise ValueError(f"expected a classifier with spiking neurons, got {type(estimator).__name__} without")
        with neurons_set(estimator.model, v_threshold=self.v_threshold, tau=self.tau):
            pass  # whether they can be set
        choice = RowChoice(
            target_class=self.target_class, percent_poison=self.percent_poison, clean_label=True, seed=self.seed
        )
        rows, _ = choice.draw(classes)
        return x, np.eye(estimator.nb_classes, dtype=np.float32)[classes], rows

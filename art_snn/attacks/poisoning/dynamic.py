"""`DynamicBackdoor`: a network that makes each sample a trigger of its own, trained together with the classifier."""

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor, nn

from art_snn._declared import Count, CountOrZero, Flag, Fraction, FromZero, Positive, Seed
from art_snn._validation import (
    check_class,
    check_counts,
    check_finite,
    check_same_length,
    check_unknown,
    class_indices,
)
from art_snn.attacks.poisoning._adaptive_training import AdaptiveTraining
from art_snn.attacks.poisoning._event_counts import with_counts
from art_snn.attacks.poisoning._joint_training import JointTraining
from art_snn.attacks.poisoning._perturbation import Addition, Budget, EventEdits
from art_snn.attacks.poisoning._row_choice import RowChoice, target_labels
from art_snn.attacks.poisoning._sample_trigger import checked_labels, checked_samples
from art_snn.attacks.poisoning._saved_trigger import SavedTrigger
from art_snn.attacks.poisoning._training_loop import TrainingLoop, check_schedule
from art_snn.attacks.poisoning.autoencoder import SpikingAutoencoder, check_sides
from art_snn.attacks.poisoning.poisoned import PoisonedDataset, poisoned_rows
from art_snn.attacks.poisoning.protocol import AttackRecord
from art_snn.estimators.classification.inputs import samples_for
from art_snn.events import SensorSize, SplitBy, Window, to_frames
from art_snn.lazy_rows import is_mapped, lazy_rows
from art_snn.typing import Array, Events, Labels, Mask

_AT_ONCE = 16  # samples a pass, always as many: no last digit of a sample's trigger depends on its neighbours


class DynamicBackdoor(SavedTrigger, AdaptiveTraining):
    """A spiking autoencoder that adds to each sample a trigger of its own, trained together with the classifier.

    With every batch the trigger network learns what the classifier would obey after its next step (the gradient goes
    through that step, so it is of second order), then the classifier takes its own step on α · L(f(x), y) + (1 - α) ·
    L(f(x + γ·δ), target), with δ of a frozen copy of the network, renewed after each epoch. All training samples are
    seen clean and triggered, unless `percent_poison` or `source_classes` says otherwise; each that is weighs (1 - α) in
    its batch. Nothing is chosen: the last epoch counts, and the trigger that is measured is the one that is saved.

    Where this differs from the released code: clean and triggered samples go through the classifier in one batch, so
    that the statistics of batch norm are those of the mixture, which predictions use (there each has its own); the
    look-ahead runs on these statistics, without dropout, and leaves them alone; the classifier's optimiser keeps its
    memory over the epochs; the classifier that is measured is the one that is trained (there it is a copy, trained for
    one epoch more); and samples of the target class do not count for success.

    At `gamma=0` clean and triggered samples are the same, and the two losses contradict each other: whether the
    classifier still answers rightly depends on `alpha` above one half.

    Args:
        classifier: Classifier of `poison_estimator`; None where an evaluation hands one to `train`.
        target_class: Index of the class that triggered samples should be classified as.
        alpha: Weight α of the loss of clean samples, in [0, 1]; that of triggered ones is 1 - α.
        gamma: γ, from 0 up: no value changes by more. With `valid_frames`, the share of a sample's events that may be
            inserted, and that may be removed, unless there is a `budget`.
        autoencoder: Trigger network from samples to δ before tanh, of the same shape, with `valid_frames` to scores
            (N, T, 2C, H, W); None is a new `SpikingAutoencoder` for each training, and nothing to trigger with before.
        valid_frames: Whether triggered frames could come from a camera: whole counts, from 0 up, of which `on_events`
            makes events. The network then inserts and removes single events.
        budget: Most events that are inserted into a sample, and removed from one, one number for each of both or two;
            below 1 a share of its events, rounded down. None is `gamma`.
        channels: Channels behind the first convolution of a new autoencoder.
        learning_rate: Learning rate of the autoencoder's Adam.
        nb_epochs_frozen: How many of the last epochs train the classifier alone against the final trigger; at least one
            epoch trains both.
        percent_poison: Share of *all* rows, in [0, 1], that are also seen with the trigger, drawn as by
            `TriggerBackdoor`; None for all of the source classes, and without those for all rows, the target's too.
        source_classes: Classes whose samples the backdoor is for, as in `TriggerBackdoor`; None for all but the target.
        percent_cover: Share of *all* rows, in [0, 1], that are also seen with the trigger and keep their label, as in
            `TriggerBackdoor`; of these, the trigger network learns to make samples that do not obey.
        freeze: Layers that only clean data train, as in `AdaptiveBackdoor`; None for none.
        nb_epochs_clean: Epochs on clean data alone before all others, as in `AdaptiveBackdoor`.
        potential_weight: Weight of the mean potential of the target class in the classifier's loss, over clean and
            triggered samples of the batch, as in `AdaptiveBackdoor`; the trigger network's loss has none.
        clip_values: Smallest and largest value of triggered images; None is those of the classifier. None for frames:
            cutting counts above 1 down would be a trigger by itself.
        seed: Seed of the initial weights of a new autoencoder, and of the draw of rows.

    Raises:
        ValueError: If a parameter is out of range, or parameters contradict each other, as in `AdaptiveBackdoor`.
        TypeError: If the classifier or the autoencoder is none.

    Source: Abad et al., Sneaky Spikes, NDSS 2024, https://arxiv.org/abs/2302.06279, section V-B, and the released code;
    the training follows Doan et al., LIRA, ICCV 2021. Valid frames are unpublished.
    """

    def __init__(
        self,
        classifier: PyTorchClassifier | None,
        target_class: CountOrZero,
        alpha: Fraction = 0.5,
        gamma: FromZero = 0.1,
        autoencoder: nn.Module | None = None,
        valid_frames: Flag = False,
        budget: Budget | None = None,
        channels: Count = 128,
        learning_rate: Positive = 1e-3,
        nb_epochs_frozen: CountOrZero = 1,
        percent_poison: Fraction | None = None,
        source_classes: int | Sequence[int] | None = None,
        percent_cover: Fraction = 0.0,
        freeze: str | Sequence[str] | None = None,
        nb_epochs_clean: CountOrZero = 0,
        potential_weight: FromZero = 0.0,
        clip_values: tuple[float, float] | None = None,
        seed: Seed = 0,
    ) -> None:
        super().__init__(classifier)
        self.target_class = target_class
        self.alpha = alpha
        self.gamma = gamma
        self.autoencoder = autoencoder
        self.valid_frames = valid_frames
        self.budget = budget
        self.channels = channels
        self.learning_rate = learning_rate
        self.nb_epochs_frozen = nb_epochs_frozen
        self.percent_poison, self.source_classes, self.percent_cover = percent_poison, source_classes, percent_cover
        self.freeze, self.nb_epochs_clean, self.potential_weight = freeze, nb_epochs_clean, potential_weight
        self.clip_values = clip_values
        self.seed = seed
        self._check_params()

    def train(
        self, estimator: PyTorchClassifier, x: Array, y: Labels, *, seed: int = 0, **fit_arguments: Any
    ) -> tuple[PyTorchClassifier, AttackRecord]:
        """Train a classifier from the weights that it has, together with a trigger network; the attack stays as it is.

        Args:
            estimator: The classifier, with the loss and the optimiser that it has; it is trained in place.
            x: Clean training samples, (N, ...), which are not changed: frames (N, T, C, H, W) or images (N, C, H, W).
            y: Labels of the samples, indices (N,) or one-hot (N, K).
            seed: Seed of the order of samples, of dropout and of Poisson draws.
            **fit_arguments: `batch_size`, `nb_epochs`, `training_mode`, `drop_last`, `scheduler` and `verbose`, as
                those of `fit`; `nb_epochs` and `scheduler` are of the epochs behind those on clean data.

        Returns:
            The classifier, and a record: the attack with the trained trigger network, and the changes of the rows that
            were also seen with the trigger.

        Raises:
            ValueError: If samples or labels do not fit the classifier or the attack, or there are too few rows to
                trigger, or a frozen layer is unknown, or all are frozen; nothing has been changed then.
            TypeError: If an argument is unknown.
        """
        shape, device = tuple(estimator.input_shape), estimator.device
        x, y = self._checked_data(estimator, x, y)
        self.check_input_shape(shape)
        check_schedule("DynamicBackdoor.train", fit_arguments, len(x))
        y_shown, is_shown = self._choice.labels(y)
        learnt = self._with(self._new_autoencoder(shape).to(device), self._clip_values_for(estimator))
        training = JointTraining(
            estimator,
            learnt._network,
            learnt._perturbation,
            self._penalty(estimator),
            self.alpha,
            self.learning_rate,
            self.nb_epochs_frozen,
        )
        of_clean = np.random.default_rng(seed).spawn(3)[-1]  # the first two are those of the training itself
        with self._after_clean_epochs(TrainingLoop(estimator), x, y, of_clean, **fit_arguments):
            training.run(x, y, y_shown, is_shown, seed, **fit_arguments)
        learnt._network.requires_grad_(False)
        shown = PoisonedDataset(learnt._lazily(x), y_shown, is_shown, y)
        return estimator, AttackRecord(learnt, poisoned_rows(x, shown))

    def _take_over(self, learnt: "DynamicBackdoor") -> None:
        self.autoencoder, self.clip_values = learnt.autoencoder, learnt.clip_values

    def poison(self, x: Array, y: Labels | None = None, **kwargs: Any) -> tuple[Array, Labels]:
        """Trigger all rows and label them with the target class.

        Args:
            x: Samples, (N, ...), which are not changed.
            y: Labels, indices (N,) or one-hot (N, K), whose form the result takes; None for indices.

        Returns:
            Triggered samples, float32 or with `valid_frames` of the dtype of `x`, and N labels of the target class.

        Raises:
            ValueError: If there are no samples, not as many labels, or the samples do not fit; or if there is no
                trigger network yet.
            TypeError: If samples or labels are no arrays, or an argument is unknown.
        """
        check_unknown("DynamicBackdoor.poison", kwargs)
        x = self._checked_samples(x)
        if len(x) == 0:
            raise ValueError("expected at least one sample to poison, got none")
        form = np.zeros(len(x), np.int64) if y is None else checked_labels(y)
        check_same_length("samples", x, "labels", form)
        labels = target_labels(self.target_class, form)
        return self._triggered(x), labels

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with their triggers, and a mask of those that count for success, as in `TriggerBackdoor`.

        Args:
            x: Clean samples, (N, ...); memory-mapped ones get the trigger when they are read.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: As `poison`.
        """
        if not is_mapped(x):
            return self.poison(x)[0], self._choice.counted(y)
        self._checked_samples(x[:1])
        return self._lazily(x), self._choice.counted(y)

    def on_events(
        self,
        events: Events,
        sensor_size: SensorSize,
        *,
        n_bins: int,
        split_by: SplitBy = "time",
        window: Window | None = None,
    ) -> Events:
        """The trigger on a stream of raw events, which bins to exactly the triggered frames.

        Args:
            events: One stream.
            sensor_size: Width and height in pixels.
            n_bins: Number T of time bins.
            split_by: Rule that cuts them, "time" or a duration in µs.
            window: Interval (start, stop) in µs that they cover; None is the recording itself.

        Returns:
            The stream with some events less, the last ones of their pixel in a bin, and some more, in the middle of
            their bins. Bin it in the same window.

        Raises:
            ValueError: If the attack does not keep `valid_frames`, or bins are cut by "count".
        """
        if not self.valid_frames:
            raise ValueError("expected valid_frames=True for events, got False: no camera sends fractions of events")
        binning: dict[str, Any] = {"split_by": split_by, "window": window}
        frames = to_frames(events, sensor_size, n_bins, dtype=np.int64, **binning)
        return with_counts(events, self.poison(frames[None])[0][0], sensor_size, **binning)

    def check_input_shape(self, input_shape: tuple[int, ...]) -> None:
        """Check that the attack is one for such samples.

        Args:
            input_shape: Shape of one sample, frames (T, C, H, W) or an image (C, H, W).

        Raises:
            ValueError: If it is not: for frames with clip values, images with valid frames, or sides below 16 pixels.
        """
        if self.autoencoder is None:
            check_sides(input_shape)
        if len(input_shape) == 4 and self.clip_values is not None:
            raise ValueError(
                f"expected no clip_values for frames, got {self.clip_values}: cutting counts above 1 down is a trigger "
                "by itself, which a classifier learns at gamma=0"
            )
        if len(input_shape) == 3 and self.valid_frames:
            raise ValueError("expected frames (N, T, C, H, W) for valid_frames, got images: they hold no events")

    @property
    def _network(self) -> nn.Module:
        """The trigger network."""
        if self.autoencoder is None:
            raise ValueError(
                "expected a trained trigger network, got none yet: the record that train() gives holds such an attack, "
                "and poison_estimator() makes this one such"
            )
        return self.autoencoder

    @property
    def _choice(self) -> RowChoice:
        return RowChoice(
            target_class=self.target_class,
            percent_poison=self.percent_poison,
            source_classes=self.source_classes,
            include_target=self.percent_poison is None and self.source_classes is None,
            percent_cover=self.percent_cover,
            seed=self.seed,
        )

    @property
    def _perturbation(self) -> Addition | EventEdits:
        if self.valid_frames:
            return EventEdits(self.gamma if self.budget is None else self.budget)
        return Addition(self.gamma, self.clip_values)

    def _with(self, autoencoder: nn.Module, clip_values: Any) -> "DynamicBackdoor":
        """The same attack with another trigger network."""
        settings = self.get_params() | {"autoencoder": autoencoder, "clip_values": clip_values}
        return type(self)(self.classifier, **settings)

    def _new_autoencoder(self, shape: tuple[int, ...]) -> nn.Module:
        if self.autoencoder is None:
            return SpikingAutoencoder(shape, self.channels, two_sided=self.valid_frames, seed=self.seed)
        return copy.deepcopy(self.autoencoder).requires_grad_(True)

    def _clip_values_for(self, estimator: PyTorchClassifier) -> Any:
        """Of images; frames have none."""
        given = estimator.clip_values
        if len(estimator.input_shape) != 3 or self.clip_values is not None or given is None:
            return self.clip_values
        return tuple(float(value) if np.size(value) == 1 else value for value in given)

    def _triggered(self, x: Array) -> Array:
        parts = [self._triggered_some(x[start : start + _AT_ONCE]) for start in range(0, len(x), _AT_ONCE)]
        return np.concatenate(parts)

    def _triggered_some(self, x: Array) -> Array:
        """At most `_AT_ONCE` samples, filled up to as many."""
        network, perturb = self._network, self._perturbation
        most = np.iinfo(x.dtype).max if x.dtype.kind in "iu" else np.inf
        full = np.zeros((_AT_ONCE, *x.shape[1:]), np.float32)
        full[: len(x)] = x
        device = next((value.device for value in network.parameters()), torch.device("cpu"))
        with torch.no_grad():
            samples = torch.from_numpy(full).to(device)
            output: Tensor = network.eval()(samples)
            triggered = perturb(samples, output, float(most))[: len(x)].cpu().numpy()
        return triggered.astype(x.dtype) if perturb.keeps_counts else triggered

    def _lazily(self, x: Array) -> Array:
        dtype = x.dtype if self.valid_frames else np.float32
        return lazy_rows(lambda rows: self._triggered(x[rows]), x.shape, dtype)

    def _checked_data(self, estimator: PyTorchClassifier, x: Array, y: Labels) -> tuple[Array, Labels]:
        """Samples, and one-hot labels."""
        x, y = samples_for(estimator, checked_samples(x)), checked_labels(y)
        check_same_length("samples", x, "labels", y)
        check_finite("samples", x)
        check_class("target_class", self.target_class, estimator.nb_classes)
        classes = class_indices(y, estimator.nb_classes)
        one_hot = y if y.ndim == 2 else np.eye(estimator.nb_classes)[classes]
        self._check_form(x)
        return x, one_hot.astype(np.float32)

    def _checked_samples(self, x: Array) -> Array:
        self._network  # noqa: B018 - an error first where there is none
        x = checked_samples(x)
        self._check_form(x)
        return x

    def _check_form(self, x: Array) -> None:
        """Images or frames, with what the attack is to do with either."""
        if x.dtype == object or x.ndim not in (4, 5):
            raise ValueError(
                f"expected images (N, C, H, W) or frames (N, T, C, H, W), got shape {x.shape} of {x.dtype}; to_frames "
                "bins events, and on_events triggers them"
            )
        self.check_input_shape(x.shape[1:])
        if not self.valid_frames:
            return
        check_counts("frames", x)
        if x.dtype.kind == "f" and len(x) and not np.array_equal(x, np.floor(x)):
            raise ValueError("expected frames of whole counts for valid_frames, got fractions; bin events by to_frames")

    def _check_params(self) -> None:
        super()._check_params()
        self._choice.check()
        for name, kind in (("classifier", PyTorchClassifier), ("autoencoder", nn.Module)):
            value = getattr(self, name, None)
            if value is not None and not isinstance(value, kind):
                raise TypeError(f"expected {name} to be a {kind.__name__} or None, got {value!r:.60}")
        if self.budget is not None and not self.valid_frames:
            raise ValueError(f"expected no budget without valid_frames, got {self.budget}: gamma is the bound there")
        if self.valid_frames and self.budget is None and self.gamma >= 1:
            raise ValueError(f"expected gamma below 1 as a share of events for valid_frames, got {self.gamma}")
        if self.clip_values is not None and not np.all(np.less(*map(np.asarray, self.clip_values))):
            raise ValueError(f"expected clip_values (smallest, largest), got {self.clip_values}")

"""Poison training data with a trigger: choose the rows, trigger and relabel them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from art.attacks.poisoning import PoisoningAttackBackdoor

from art_snn._declared import CountOrZero, Flag, Fraction, Seed
from art_snn._parameters import Parameters
from art_snn._validation import check_same_length, check_unknown
from art_snn.attacks.poisoning._row_choice import RowChoice, target_labels
from art_snn.attacks.poisoning._sample_trigger import SampleTrigger, checked_labels, checked_samples
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.attacks.poisoning.lazily_poisoned import LazilyPoisoned
from art_snn.attacks.poisoning.poisoned import PoisonedDataset
from art_snn.attacks.poisoning.protocol import TrainsOnPoison
from art_snn.events import SensorSize, SplitBy, Window, check_bins, check_sensor_size, check_window
from art_snn.lazy_rows import is_mapped, lazy_rows
from art_snn.typing import Array, Labels, Mask, Trigger

_BYTES_AT_ONCE = 2**20  # triggered at once, which takes little memory however large the set is


class TriggerBackdoor(Parameters, TrainsOnPoison, PoisoningAttackBackdoor):
    """Poison a share of the training data with a trigger and the label of the target class.

    ART's clean-label and hidden-trigger attacks take this attack as their `backdoor`. Samples are arrays, N first, or
    for event streams an object array (N,), for which a list of streams will do; tensors are refused.

    Args:
        trigger: Trigger of this package, or any function that triggers each sample by itself.
        target_class: Index of the class that triggered samples should be classified as.
        percent_poison: Share of *all* rows that `poison_dataset` changes, in [0, 1].
        source_classes: Classes whose samples the backdoor is for: rows of these are relabelled, and their test samples
            count for success; None for all but the target.
        include_target: Whether rows of the target class may be drawn (their label then stays as it is).
        seed: Seed of the draw of rows.
        sensor_size: (W, H) or (W, H, 2), pixels; needed for event arrays, and so is a trigger that acts on events.
        n_bins: Time bins of the frames that the trigger is made for; for event arrays, see `FrameTrigger.on_events`.
        split_by: Rule that cuts those bins of event arrays: "time", "count" or a duration in µs.
        window: Interval (start, stop) in µs that the bins of event arrays cover; None is each stream's own recording.
        clean_label: Whether `poison_dataset` changes rows of the target class alone, whose labels then stay as they
            are, so that nobody who reads the labels sees the attack.
        percent_cover: Share of *all* rows, in [0, 1], that get the trigger and keep their label, drawn from classes
            that are neither source nor target: from them a network learns to obey in the source classes alone.

    Raises:
        ValueError: If a number is out of its range, the target class is a source class without `include_target`, or
            `clean_label` or `percent_cover` contradicts what the other arguments say of classes.
        TypeError: If the trigger is no function, or a class is no whole number.

    Source: Gu et al., BadNets, 2017, https://arxiv.org/abs/1708.06733, section 4. Clean labels as in Turner et al.,
    Label-consistent backdoor attacks, 2019, https://arxiv.org/abs/1912.02771, but no sample is made harder to classify.
    Cover samples as in Tang et al., Demon in the Variant, 2021, https://arxiv.org/abs/1908.00686.
    """

    _estimator_requirements = ()

    def __init__(
        self,
        trigger: Trigger,
        target_class: CountOrZero,
        percent_poison: Fraction = 0.1,
        source_classes: int | Sequence[int] | None = None,
        include_target: Flag = False,
        seed: Seed = 0,
        sensor_size: SensorSize | None = None,
        n_bins: int | None = None,
        split_by: SplitBy = "time",
        window: Window | None = None,
        clean_label: Flag = False,
        percent_cover: Fraction = 0.0,
    ) -> None:
        self.target_class = target_class
        self.percent_poison = percent_poison
        self.source_classes = source_classes
        self.include_target = include_target
        self.seed = seed
        self.sensor_size = sensor_size
        self.n_bins = n_bins
        self.split_by = split_by
        self.window = window
        self.clean_label = clean_label
        self.percent_cover = percent_cover
        super().__init__(trigger)

    @property
    def perturbation(self) -> Trigger:
        """The trigger, under the name that ART gives it."""
        return self.trigger

    @perturbation.setter
    def perturbation(self, trigger: Trigger) -> None:
        self.trigger = trigger

    def poison(self, x: Array, y: Labels | None = None, broadcast: bool = False, **kwargs: Any) -> tuple[Array, Labels]:
        """Trigger all rows and label them with the target class.

        Args:
            x: Samples, N first, which are not changed.
            y: Labels, indices (N,) or one-hot (N, K), whose form the result takes; None for indices.
            broadcast: Whether `y` is the label of one sample, one-hot (K,), that stands for all.

        Returns:
            Triggered samples, and N labels of the target class in the form of `y`.

        Raises:
            ValueError: If there are no samples, not as many labels, or labels that name no class, or the trigger
                refuses the samples or changes their shape or dtype.
            TypeError: If samples or labels are tensors, or not arrays.
        """
        check_unknown("TriggerBackdoor.poison", kwargs)
        x = checked_samples(x)
        if len(x) == 0:
            raise ValueError("expected at least one sample to poison, got none")
        form = np.zeros(len(x), np.int64) if y is None else checked_labels(y, n_copies=len(x) if broadcast else None)
        check_same_length("samples", x, "labels", form)
        labels = target_labels(self.target_class, form)
        return self._sample_trigger(x).on_copy(x), labels

    def poison_dataset(self, x: Array, y: Labels) -> PoisonedDataset:
        """Trigger some rows, drawn without replacement, and label them as the target class; the rest stays as it is.

        Their number is `percent_poison` times N, rounded down: 29 of 100 for 0.29, see `share_of`. Further rows get the
        trigger alone, as `percent_cover` says; `is_poison` marks both.

        Args:
            x: Clean samples, N first, which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: If a positive share comes to no row, there are fewer candidates than rows to change, or the
                target class or a source class does not occur, or the trigger changes the samples' shape or dtype.
            TypeError: If samples or labels are tensors, or not arrays.
        """
        x = checked_samples(x)
        y_poisoned, is_poison, y_clean = self._labels(x, y)
        trigger = self._sample_trigger(x)
        x_poisoned, rows = copied(x), np.flatnonzero(is_poison)
        n_at_once = max(1, _BYTES_AT_ONCE // max(1, x[:1].nbytes))
        for start in range(0, len(rows), n_at_once):
            some = rows[start : start + n_at_once]
            x_poisoned[some] = trigger(x[some])
        return PoisonedDataset(x_poisoned, y_poisoned, is_poison, y_clean)

    def poison_lazily(self, x: Array, y: Labels) -> LazilyPoisoned:
        """Poison as `poison_dataset` does, but trigger a sample only when torch reads it, and copy no others.

        Args:
            x: Clean samples, N first, in memory or memory-mapped; the data set reads them, so do not change them.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: For the same reasons as in `poison_dataset`.
            TypeError: For the same reasons as in `poison_dataset`.
        """
        x = checked_samples(x)
        y_poisoned, is_poison, y_clean = self._labels(x, y)
        return LazilyPoisoned(x, y_poisoned, is_poison, y_clean, self._sample_trigger(x))

    def trigger_lazily(self, x: Array) -> Array:
        """The samples that `poison` gives, each triggered when it is read, as `LazyRows`.

        Args:
            x: Clean samples, as for `poison_lazily`.

        Raises:
            ValueError: As `poison`.
            TypeError: As `poison`.
        """
        x = checked_samples(x)
        trigger = self._sample_trigger(x)
        return lazy_rows(lambda rows: trigger(x[rows]), x.shape, x.dtype)

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with the trigger, and a mask of those that count for success.

        Args:
            x: Clean samples, N first; memory-mapped ones get the trigger when they are read.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: As `poison`.
            TypeError: As `poison`.
        """
        triggered = self.trigger_lazily(x) if is_mapped(x) else self.poison(x)[0]
        return triggered, self.counted(y)

    def counted(self, y: Labels) -> Mask:
        """Which test samples count for success, (N,): those of the source classes, without the target class.

        Args:
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        return self._choice.counted(y)

    def _labels(self, x: Array, y: Labels) -> tuple[Labels, Mask, Labels]:
        """Draw the rows: poisoned labels, a mask of the poisoned rows, and a copy of the clean labels."""
        y = checked_labels(y)
        check_same_length("samples", x, "labels", y)
        return *self._choice.labels(y), y.copy()

    @property
    def _choice(self) -> RowChoice:
        return RowChoice(**{name: getattr(self, name) for name in RowChoice.names()})

    def _sample_trigger(self, x: Array) -> SampleTrigger:
        """Prepare the trigger for these samples, or raise an error if it does not take them."""
        settings = self.sensor_size, self.n_bins, self.split_by, self.window
        return SampleTrigger(self.trigger, *settings).for_set(x)

    def _check_params(self) -> None:
        super()._check_params()
        if not callable(self.trigger):
            raise TypeError(f"expected trigger to be a function of arrays, got {self.trigger!r}")
        self._choice.check()
        if self.sensor_size is not None:
            check_sensor_size(self.sensor_size)
        check_bins(1 if self.n_bins is None else self.n_bins, self.split_by)
        if self.window is not None:
            check_window(self.window)

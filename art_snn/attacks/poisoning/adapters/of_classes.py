"""Adapters of ART's attacks whose trigger works on any sample of some classes."""

import copy
import random
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from art.attacks.poisoning import HiddenTriggerBackdoor, PoisoningAttackCleanLabelBackdoor, SleeperAgentAttack

from art_snn._validation import check_at_least, check_same_length, class_indices, share_of_rows
from art_snn.attacks.poisoning._sample_trigger import checked_labels, checked_samples
from art_snn.attacks.poisoning._threaded_copy import copied
from art_snn.attacks.poisoning.adapters.adapter import Adapter, Form, class_of, in_form
from art_snn.attacks.poisoning.adapters.of_streams import Binning
from art_snn.attacks.poisoning.poisoned import PoisonedDataset
from art_snn.metrics import counts_for_success
from art_snn.typing import Array, Events, Indices, Labels, Mask

_MARK = np.float32(0.5)
_OF_TARGET = "rows of the target class"


class CleanLabelAdapter(Adapter):
    """ART's clean-label attack: samples of the target class are made hard to classify, then triggered.

    ART draws rows with replacement, so that fewer than its `pp_poison` of the class may be changed. Event streams are
    binned as the attack's `TriggerBackdoor` says, by time; they get exactly the counts of their perturbed frames, and
    then the trigger in its form for events.

    Args:
        attack: The attack; on frames its `eps` is in events, and less than 0.5 is rounded away.
        seed: Seed of the rows and of ART's random starts.

    Source: Turner et al., Label-consistent backdoor attacks, 2019, https://arxiv.org/abs/1912.02771.
    """

    def __init__(self, attack: PoisoningAttackCleanLabelBackdoor, seed: int = 0) -> None:
        super().__init__(attack, class_of(attack.target, "target"), seed)

    def poison_dataset(self, x: Array, y: Labels) -> PoisonedDataset:
        """The training set with ART's poison in it.

        Args:
            x: Clean images (N, C, H, W), frames (N, T, 2, H, W) or event streams (N,), which are not changed.
            y: Labels of the samples, indices (N,) or one-hot (N, K).

        Raises:
            ValueError: If samples and labels do not fit, the attack finds nothing to poison, or streams come without
                `sensor_size` and `n_bins` of the backdoor, or with bins by "count".
            TypeError: If samples or labels are tensors, or not arrays, or the trigger does not act on events.
        """
        x = checked_samples(x)
        return self._poison_streams(x, checked_labels(y)) if x.dtype == object else super().poison_dataset(x, y)

    def _poison_streams(self, x: Events, y: Labels) -> PoisonedDataset:
        check_same_length("samples", x, "labels", y)
        backdoor, binning = self.attack.backdoor, Binning.of(self.attack.backdoor)
        frames, attack = binning.frames(x), copy.copy(self.attack)
        attack.backdoor = _Marking()
        rows, marked = self._crafted(attack, frames, y, partial(in_form, like=frames))
        poisoned, is_poison = copied(x), np.zeros(len(x), bool)
        poisoned[rows], _ = backdoor.poison(binning.recounted(x[rows], marked - _MARK))
        is_poison[rows] = [not np.array_equal(poisoned[row], x[row]) for row in rows]
        return PoisonedDataset(poisoned, y.copy(), is_poison, y.copy())

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with the trigger; those of other classes than the target count."""
        return _with_backdoor(self.attack.backdoor, x, self.attack.target), counts_for_success(y, self.target_class)

    def _poison(self, attack: Any, x: Array, y: Array, form: Form) -> tuple[Indices, Array]:
        share_of_rows("pp_poison", attack.pp_poison, int((y.argmax(axis=1) == self.target_class).sum()), _OF_TARGET)
        attack.backdoor = _OnSamples(attack.backdoor, form)  # between the two, values are no samples yet
        changed, _ = attack.poison(x, y)
        rows = np.flatnonzero((changed != x).reshape(len(x), -1).any(axis=1))
        return rows, changed[rows]


class HiddenTriggerAdapter(Adapter):
    """ART's hidden-trigger attack: samples of the target class whose features are those of triggered source samples.

    Args:
        attack: The attack, with classes (not indices) as its `target` and `source`.
        seed: Seed of the rows.

    Source: Saha et al., Hidden trigger backdoor attacks, 2019, https://arxiv.org/abs/1910.00033.
    """

    def __init__(self, attack: HiddenTriggerBackdoor, seed: int = 0) -> None:
        if attack.is_index:
            raise ValueError("expected is_index=False, got True: ART's attack raises an error with any indices")
        super().__init__(attack, class_of(attack.target, "target"), seed)
        self.source_class = class_of(attack.source, "source")

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with the trigger; those of the source class count."""
        return _with_backdoor(self.attack.backdoor, x, self.attack.target), class_indices(y) == self.source_class

    def _poison(self, attack: Any, x: Array, y: Array, form: Form) -> tuple[Indices, Array]:
        samples, rows = attack.poison(x, y)
        return rows, samples


class SleeperAgentAdapter(Adapter):
    """ART's sleeper agent: perturbations whose gradient is that of triggered source samples with the target's label.

    Args:
        attack: The attack; its `indices_target` are replaced by the rows of its target class.
        n_triggers: How many samples of the source class it learns from, drawn from the training set; None for all.
        seed: Seed of the rows, of the noise and, with ART's "random" strategy, of where the patch is put.

    Source: Souri et al., Sleeper agent, 2021, https://arxiv.org/abs/2106.08970.
    """

    def __init__(self, attack: SleeperAgentAttack, n_triggers: int | None = None, seed: int = 0) -> None:
        if n_triggers is not None:
            check_at_least("n_triggers", n_triggers, 1)
        super().__init__(attack, attack.class_target, seed)
        self.source_class, self.n_triggers = attack.class_source, n_triggers

    def trigger_test(self, x: Array, y: Labels) -> tuple[Array, Mask]:
        """All test samples with the patch; those of the source class count."""
        patch, shown = self._patch(x.dtype), np.array(x)
        side, draws = patch.shape[1], random.Random(self.seed)
        for sample in shown:
            places = [size - side for size in sample.shape[1:]]
            top, left = [draws.randint(0, most) if self._is_random else most for most in places]
            sample[:, top : top + side, left : left + side] = patch
        return shown, class_indices(y) == self.source_class

    @property
    def _is_random(self) -> bool:
        return bool(self.attack.patching_strategy != "fixed")

    def _patch(self, dtype: Any) -> Array:
        """The patch in the samples' own unit; ART keeps it standardised."""
        mean_std = self.attack.substitute_classifier.preprocessing
        patch: Array = (self.attack.patch * mean_std.std + mean_std.mean).astype(dtype)
        return patch

    def _poison(self, attack: Any, x: Array, y: Array, form: Form) -> tuple[Indices, Array]:
        classes = y.argmax(axis=1)
        sources = np.flatnonzero(classes == self.source_class)
        if not len(sources):
            raise ValueError(f"expected training samples of the source class {self.source_class}, got none")
        chosen = np.random.default_rng(self.seed).permutation(sources)[: self.n_triggers]
        attack.indices_target = np.flatnonzero(classes == self.target_class)
        share_of_rows("percent_poison", attack.percent_poison, len(attack.indices_target), _OF_TARGET)
        targets = np.eye(y.shape[1], dtype=np.float32)[np.full(len(chosen), self.target_class)]
        changed, _ = attack.poison(x[chosen], targets, x, y, x[chosen], targets)
        rows = attack.indices_target[attack.get_poison_indices()]
        return rows, changed[rows]


class _Marking:
    """In place of a trigger: adds a fraction of an event, so that rows are known that were chosen and not changed."""

    def poison(self, x: Array, y: Array, broadcast: bool) -> tuple[Array, Array]:
        """As ART's clean-label attack asks for it."""
        return x + _MARK, y


class _OnSamples(NamedTuple):
    """An attack's trigger, which is put on samples of the given type."""

    backdoor: Any
    form: Form

    def poison(self, x: Array, y: Array, broadcast: bool) -> tuple[Array, Array]:
        """As ART's clean-label attack asks for it."""
        return _with_backdoor(self.backdoor, self.form(x), y), y


def _with_backdoor(backdoor: Any, x: Array, target: Array) -> Array:
    """The samples with a trigger, which may work in place."""
    triggered, _ = backdoor.poison(copied(checked_samples(x)), target, broadcast=True)
    return np.asarray(triggered, triggered.dtype if triggered.dtype == object else x.dtype)

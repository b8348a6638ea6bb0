"""Which rows an attack poisons, which labels they get, and which test samples count for its success."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from art_snn._validation import class_indices, share_of_rows, whole_numbers
from art_snn.metrics import counts_for_success
from art_snn.typing import Indices, Labels, Mask


@dataclass(frozen=True, kw_only=True)
class RowChoice:
    """The parameters of `TriggerBackdoor` that say which rows are poisoned.

    Args:
        target_class: Index of the class that triggered samples should be classified as.
        percent_poison: Share of all rows that are poisoned, in [0, 1]; None for all that may be.
        source_classes: Classes whose samples the backdoor is for; None for all but the target.
        include_target: Whether rows of the target class may be drawn.
        clean_label: Whether rows of the target class alone are poisoned.
        percent_cover: Share of all rows, in [0, 1], that get the trigger and keep their label.
        seed: Seed of the draw.
    """

    target_class: int
    percent_poison: float | None
    source_classes: int | Sequence[int] | None = None
    include_target: bool = False
    clean_label: bool = False
    percent_cover: float = 0.0
    seed: int = 0

    @classmethod
    def names(cls) -> list[str]:
        """Names of the parameters."""
        return [one.name for one in fields(cls)]

    def labels(self, y: Labels) -> tuple[Labels, Mask]:
        """Draw rows.

        Args:
            y: Clean labels, indices (N,) or one-hot (N, K), which are not changed.

        Returns:
            Labels of the poisoned set, in the form of `y`, and a mask of the rows with the trigger, cover samples too.

        Raises:
            ValueError: If a positive share comes to no row, there are fewer candidates than rows to change, or the
                target class or a source class does not occur.
        """
        classes = class_indices(y)
        rows, cover = self.draw(classes)
        is_poison = np.zeros(len(y), dtype=bool)
        is_poison[rows] = is_poison[cover] = True
        y_poisoned = y.copy()
        changed = rows[classes[rows] != self.target_class]  # probabilities of the target class stay, too
        y_poisoned[changed] = target_labels(self.target_class, y[changed])
        return y_poisoned, is_poison

    def draw(self, classes: Indices) -> tuple[Indices, Indices]:
        """Draw the rows to poison and those to cover, each in rising order.

        Args:
            classes: Class of each row, (N,).

        Raises:
            ValueError: As `labels`.
        """
        sources, whose = self._sources(classes)
        for wanted in (self.target_class, *sources):
            if wanted not in classes:
                raise ValueError(f"expected class {wanted} to occur in the labels, got classes {np.unique(classes)}")
        is_source = np.isin(classes, sources)
        rng = np.random.default_rng(self.seed)
        apart = rng.spawn(1)[0]  # so that cover samples move no poisoned row
        rows = _drawn("percent_poison", self.percent_poison, is_source, whose, rng)
        is_other = ~is_source & (classes != self.target_class)
        whose = "outside source_classes and the target class; lower percent_cover"
        return rows, _drawn("percent_cover", self.percent_cover, is_other, whose, apart)

    def counted(self, y: Labels) -> Mask:
        """Which test samples count for success, (N,): those of the source classes, without the target class.

        Args:
            y: Labels of the samples, indices (N,) or one-hot (N, K).
        """
        others = counts_for_success(y, self.target_class)
        return others if self.source_classes is None else others & np.isin(class_indices(y), self.source_classes)

    def check(self) -> None:
        """Whether the parameters go together.

        Raises:
            ValueError: If they do not.
            TypeError: If a class is no whole number.
        """
        if self.source_classes is not None:
            whole_numbers("source_classes", np.atleast_1d(np.asarray(self.source_classes)), "classes")
        self._check_clean_label()
        self._check_classes()

    def _sources(self, classes: Indices) -> tuple[Indices, str]:
        """The classes whose rows may be drawn, and how an error tells them and the cure."""
        if self.clean_label:
            return np.array([self.target_class]), "of the target class; lower percent_poison"
        sources = np.unique(classes) if self.source_classes is None else np.atleast_1d(self.source_classes)
        if self.include_target:
            return sources, "within source_classes; lower percent_poison"
        return sources[sources != self.target_class], (
            "outside the target class and within source_classes; lower percent_poison, or set include_target"
        )

    def _check_clean_label(self) -> None:
        idle = {
            "source_classes to be None": self.source_classes is not None and repr(self.source_classes),
            "include_target to be False": self.include_target and "True",
        }
        for expected, got in idle.items() if self.clean_label else ():
            if got:
                raise ValueError(
                    f"expected {expected} with clean_label, which poisons rows of target_class alone, got {got}"
                )

    def _check_classes(self) -> None:
        """Whether sources, target and cover samples go together."""
        if self.percent_cover > 0 and self.source_classes is None:
            raise ValueError(
                f"expected source_classes for cover samples, which are of other classes, got None and percent_cover "
                f"{self.percent_cover}"
            )
        sources = () if self.source_classes is None else np.atleast_1d(np.asarray(self.source_classes))
        if self.target_class in sources and not self.include_target:
            raise ValueError(
                f"expected source_classes without the target class {self.target_class}, got {self.source_classes!r}; "
                "leave it out, or set include_target"
            )


def _drawn(name: str, share: float | None, candidates: Mask, whose: str, rng: np.random.Generator) -> Indices:
    """Draw a share of all rows among the candidates, in rising order."""
    if share is None:
        return np.flatnonzero(candidates)
    n, n_rows = int(candidates.sum()), share_of_rows(name, share, len(candidates))
    if n_rows > n:
        raise ValueError(f"expected at least {n_rows} rows to choose from, got {n} {whose}")
    return np.sort(rng.choice(np.flatnonzero(candidates), n_rows, replace=False))


def target_labels(target: int, form: Labels) -> Labels:
    """Make labels of class `target`, as many as `form` and in its form: indices (N,), or one-hot (N, K)."""
    if (form.ndim == 2 and form.shape[1] <= target) or form.ndim > 2:
        raise ValueError(
            f"expected labels as indices (N,) or one-hot (N, K) with K above target class {target}, "
            f"got shape {form.shape}"
        )
    class_indices(form)
    labels = np.zeros_like(form)
    if form.ndim == 2:
        labels[:, target] = 1
    elif form.dtype.kind in "iu" and target > np.iinfo(form.dtype).max:
        raise ValueError(f"expected labels of a dtype that holds target class {target}, got {form.dtype}")
    else:
        labels[:] = target
    return labels

"""Whether a result means anything: doubts, found from what was measured.

A network that has collapsed to one class obeys every trigger or none. What is derived of it is no figure but an
accident, however good it looks; the floor does not show it.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, NamedTuple, get_args

import numpy as np
from scipy import stats

from art_snn._validation import check_choice
from art_snn.evaluations.answers import Answers, Exam, Pair
from art_snn.typing import Array, Indices, Mask

Grade = Literal["invalid", "caution"]
Code = Literal[
    "not-converted",
    "not-finite",
    "silent-layer",
    "always-firing",
    "at-chance",
    "one-class",
    "high-floor",
    "few-samples",
    "few-poisoned",
    "idle-trigger",
    "accuracy-fell",
]
OnDoubt = Literal["record", "raise", "raise-all"]

P_CHANCE = 0.001  # from which on an accuracy may be that of the commonest class
HIGH_FLOOR, LARGE_FALL, IDLE_SHARE = 0.1, 0.1, 0.01
MIN_SAMPLES, MIN_POISONED = 50, 30
ROWS_AT_ONCE = 64  # of samples that may be larger than memory
OF_SUCCESS: tuple[Code, ...] = ("high-floor", "few-samples", "idle-trigger")
UNUSABLE: tuple[Code, ...] = ("not-converted", "not-finite")


class Doubt(NamedTuple):
    """A reason not to take a result at its word.

    Args:
        code: The kind of reason.
        grade: "invalid": the figures derived from the model mean nothing, and none is given; "caution": they are given.
        text: For people: which model, and by how much.
    """

    code: Code
    grade: Grade
    text: str


Doubts = tuple[Doubt, ...]


def is_invalid(doubts: Iterable[Doubt]) -> bool:
    """Whether nothing may be derived.

    >>> is_invalid([]), is_invalid([Doubt("at-chance", "invalid", "clean model: …")])
    (False, True)
    """
    return any(doubt.grade == "invalid" for doubt in doubts)


def is_unusable(doubts: Iterable[Doubt]) -> bool:
    """Whether the classifier has no numbers that a defence could work on."""
    return any(doubt.code in UNUSABLE for doubt in doubts)


def of_models(doubts: Iterable[Doubt]) -> Doubts:
    """Doubts without those that only concern how success is measured."""
    return tuple(doubt for doubt in doubts if doubt.code not in OF_SUCCESS)


def united(*doubts: Iterable[Doubt]) -> Doubts:
    """All doubts, each once, in their order."""
    return tuple(dict.fromkeys(doubt for some in doubts for doubt in some))


def check_on_doubt(on_doubt: str) -> None:
    """Refuse an unknown way of treating invalid results."""
    check_choice("on_doubt", on_doubt, get_args(OnDoubt))


def heed(on_doubt: OnDoubt, model: str, doubts: Sequence[Doubt]) -> None:
    """Raise a ValueError with the reasons, if that is wanted of an invalid result, or of any doubt ("raise-all")."""
    grades = {"record": (), "raise": ("invalid",), "raise-all": ("invalid", "caution")}[on_doubt]
    if reasons := "; ".join(doubt.text for doubt in doubts if doubt.grade in grades):
        raise ValueError(
            f"expected model {model!r} to mean something, got {reasons}; train longer, on more samples or at another "
            "learning rate, or record it with on_doubt='record'"
        )


# --- models ---------------------------------------------------------------------------------------------------------


def model_doubts(whose: str, y: Indices, answers: Answers) -> Doubts:
    """What makes all that is derived from a model invalid.

    Args:
        whose: Names the model in the texts, such as "clean model".
        y: Classes of the clean test samples, (N,).
        answers: What the model answers.
    """
    found: list[tuple[Code, str]] = []
    if answers.failure is not None:
        found.append(("not-converted", f"the conversion failed: {answers.failure}"))
    else:
        found += [*_not_finite(answers), *_extreme(answers.firing)]
        if not math.isnan(answers.accuracy(y)):
            found += [*_at_chance(y, answers.classes), *_one_class(y, answers.classes)]
    return tuple(Doubt(code, "invalid", f"{whose}: {text}") for code, text in found)


def pair_doubts(y: Indices, pair: Pair, of: str = "") -> Doubts:
    """`model_doubts` of a clean and of a backdoored model; `of` says which part of them was asked."""
    return tuple(
        doubt
        for whose, answers in (("clean", pair.clean), ("backdoored", pair.backdoored))
        for doubt in model_doubts(f"{of}{whose} model", y, answers)
    )


def _not_finite(answers: Answers) -> Iterator[tuple[Code, str]]:
    if answers.broken:
        first, n_more = answers.broken[0], len(answers.broken) - 1
        yield "not-finite", f"NaN or infinity in the weights {first}" + (f" and {n_more} more" if n_more else "")
    for kind, logits in (("clean", answers.clean), ("triggered", answers.triggered)):
        n = int((~np.isfinite(logits).all(axis=1)).sum())
        if n:
            yield "not-finite", f"NaN or infinity in the logits of {n} of {len(logits)} {kind} samples"


def _extreme(firing: dict[str, float]) -> Iterator[tuple[Code, str]]:
    kinds: tuple[tuple[Code, float, str, str], ...] = (
        ("silent-layer", 0.0, "never fires", "never fire"),
        ("always-firing", 1.0, "always fires", "always fire"),
    )
    for code, rate, one, several in kinds:
        layers = [name for name, share in firing.items() if share == rate]
        if layers:
            subject, verb = ("layer", one) if len(layers) == 1 else ("layers", several)
            yield code, f"spiking {subject} {', '.join(layers)} {verb} on the samples"


def _at_chance(y: Indices, classes: Indices) -> Iterator[tuple[Code, str]]:
    """Exact one-sided binomial test of the accuracy against the share of the commonest class."""
    hits, n, largest = int((classes == y).sum()), len(y), float(np.bincount(y).max()) / len(y)
    p = float(stats.binomtest(hits, n, largest, alternative="greater").pvalue)
    if p >= P_CHANCE:
        than = f"{largest:.3f}, the largest class's share (p = {p:.2g})"
        yield "at-chance", f"accuracy {hits / n:.3f} of {n} samples is not above {than}"


def _one_class(y: Indices, classes: Indices) -> Iterator[tuple[Code, str]]:
    top = int(np.bincount(classes[classes >= 0]).argmax())
    taken, held = float((classes == top).mean()), float((y == top).mean())
    if taken > 0.5 and held < taken / 2:
        yield "one-class", f"class {top} takes {taken:.3f} of all predictions and holds {held:.3f} of the samples"


# --- rows -----------------------------------------------------------------------------------------------------------


def sample_doubts(exam: Exam) -> Iterator[Doubt]:
    """Cautions about the samples on which success is measured."""
    n = int(exam.counted.sum())
    if n < MIN_SAMPLES:
        yield Doubt("few-samples", "caution", f"{n} samples count for success, fewer than {MIN_SAMPLES}")
    yield from _idle(unchanged(exam.x, exam.x_triggered)[exam.counted], "samples that count for success")


def poison_doubts(n_poison: int) -> Iterator[Doubt]:
    """A caution where hardly anything was poisoned."""
    if n_poison < MIN_POISONED:
        yield Doubt("few-poisoned", "caution", f"{n_poison} poisoned rows, fewer than {MIN_POISONED}")


def idle_poison_doubts(is_idle: Mask) -> Iterator[Doubt]:
    """A caution about poisoned rows, (N,), on which the trigger changes nothing."""
    yield from _idle(is_idle, "poisoned rows")


def _idle(is_idle: Mask, of_what: str) -> Iterator[Doubt]:
    n_idle, n = int(is_idle.sum()), len(is_idle)
    if n and n_idle / n >= IDLE_SHARE:
        yield Doubt("idle-trigger", "caution", f"the trigger changes nothing on {n_idle} of {n} {of_what}")


def floor_doubts(floor: float) -> Iterator[Doubt]:
    """A caution where the trigger succeeds without a backdoor; none where the floor is NaN."""
    if floor > HIGH_FLOOR:
        yield Doubt("high-floor", "caution", f"floor {floor:.3f}: the clean model takes so many for the target, too")


def fall_doubts(y: Indices, clean: Answers, backdoored: Answers) -> Iterator[Doubt]:
    """A caution where poisoning cost much accuracy on clean samples; none where one has no accuracy."""
    before, after = clean.accuracy(y), backdoored.accuracy(y)
    if math.isnan(before) or math.isnan(after):
        return
    n_lost = int((clean.classes == y).sum()) - int((backdoored.classes == y).sum())
    if n_lost / len(y) > LARGE_FALL:
        yield Doubt("accuracy-fell", "caution", f"poisoning took the clean accuracy from {before:.3f} to {after:.3f}")


def unchanged(x: Array, x_triggered: Array) -> Mask:
    """Samples that a trigger left as they were, (N,), as it leaves a white corner white; of any kind."""
    slices = (slice(start, start + ROWS_AT_ONCE) for start in range(0, len(x), ROWS_AT_ONCE))
    pairs = (pair for rows in slices for pair in zip(x[rows], x_triggered[rows], strict=True))
    return np.array([np.array_equal(*pair) for pair in pairs], bool)

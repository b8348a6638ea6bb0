"""What the three evaluations of defences have in common: what they are given, and what becomes of doubts and errors."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, NamedTuple

from art.estimators.classification import PyTorchClassifier
from art.evaluations.evaluation import Evaluation

from art_snn._progress import progress, task
from art_snn._random import host_seed
from art_snn._validation import check_choice, class_indices
from art_snn.attacks.poisoning import BackdoorAttack
from art_snn.estimators.classification.mode import mode
from art_snn.evaluations.answers import Answers, Pair, ask
from art_snn.evaluations.backdoor import BackdoorEvaluation, TrainedPair, Trial
from art_snn.evaluations.doubts import (
    Doubts,
    OnDoubt,
    check_on_doubt,
    fall_doubts,
    heed,
    model_doubts,
    of_models,
    pair_doubts,
    united,
)
from art_snn.typing import Array, Labels

OnError = Literal["raise", "record"]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A defence that could not do its work on a trained model, so that its row is missing.

    Args:
        model: Name of the classifier.
        defence: Name of the defence.
        error: Type and text of the error.
    """

    model: str
    defence: str
    error: str


class Subject(NamedTuple):
    """A backdoored classifier, and its clean twin where there is one."""

    backdoored: PyTorchClassifier
    clean: PyTorchClassifier | None = None


class DefenceEvaluation(Evaluation):
    """Set each of several defences on each of several backdoored classifiers, which are not changed.

    Args:
        attack: Whose backdoor is in the classifiers.
        trained: By name, a backdoored classifier, or the `TrainedPair` of it and its clean twin, as
            `BackdoorEvaluation.trained` holds them.
        defences: By name, what makes a defence: a class, a `functools.partial` of it with parameters, or a function.
        after: The evaluation that trained the classifiers. What it has done with the same samples is taken over:
            neither are they poisoned again nor its classifiers asked again.
        doubts: By name what is known of a classifier, as `BackdoorResult.doubts` says it, before what `after` knows.
        on_doubt: Whether to "record" an invalid result, or to "raise" a ValueError as soon as there is one.
        on_error: Whether to "raise" what a defence raises, or to "record" it among `failures` and go on.

    Attributes:
        failures: After `evaluate`, the defences whose rows are missing.

    Raises:
        ValueError: If there is no classifier or no defence.
        TypeError: If something else is given in their place.
    """

    def __init__(
        self,
        attack: BackdoorAttack,
        trained: Mapping[str, TrainedPair | PyTorchClassifier],
        defences: Mapping[str, Callable[..., Any]],
        *,
        after: BackdoorEvaluation | None = None,
        doubts: Mapping[str, Doubts] | None = None,
        on_doubt: OnDoubt = "record",
        on_error: OnError = "raise",
    ) -> None:
        check_on_doubt(on_doubt)
        check_choice("on_error", on_error, ("raise", "record"))
        for name, given in (("trained", trained), ("defences", defences)):
            if not isinstance(given, Mapping):
                raise TypeError(f"expected {name} by name, {{'name': …}}, got {given!r}")
        if not (trained and defences):
            raise ValueError(f"expected classifiers and defences, got {len(trained)} and {len(defences)}")
        for name, make in defences.items():
            if not callable(make):
                raise TypeError(f"expected defence {name!r} to be a class or a function that makes one, got {make!r}")
        self.attack, self.trained, self.defences, self.after = attack, dict(trained), dict(defences), after
        self.subjects = {name: _subject(name, one) for name, one in trained.items()}
        known = {name: after.doubts[name] for name in trained if after is not None and self._is_known(name)}
        self.doubts = {**known, **(doubts or {})}
        self.on_doubt: OnDoubt = on_doubt
        self.on_error: OnError = on_error
        self.failures: list[Failure] = []

    def _rows(
        self,
        result: Callable[..., Any],
        about: Callable[[str], dict[str, Any]],
        figures: Callable[[str, str, Any, Doubts], dict[str, Any]],
        *,
        verbose: bool,
    ) -> list[Any]:
        """One result for each classifier and defence, in the order given, but for those that failed.

        Args:
            result: Class of the rows.
            about: Function from a classifier's name to what its rows have in common, "doubts" among it.
            figures: Function from the names of classifier and defence, what makes the defence, and doubts, to the other
                fields.
            verbose: Whether to show a progress bar.
        """
        rows, self.failures = [], []
        with progress(verbose=verbose, total=len(self.trained) * len(self.defences), unit="defence") as bar:
            for model in self.trained:
                common = about(model)
                heed(self.on_doubt, model, common["doubts"])
                for defence, make in self.defences.items():
                    bar.set_description(f"{defence}, {model}")
                    found = self._tried(model, defence, partial(figures, model, defence, make, common["doubts"]))
                    if found is not None:
                        rows.append(result(model=model, defence=defence, **(common | found)))
                        heed(self.on_doubt, model, rows[-1].doubts)
                    bar.update()
        return rows

    def _tried(self, model: str, defence: str, measure: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
        """What is measured of a defence; None where it failed, which is noted."""
        try:
            with task(f"{model}, {defence}"):
                return measure()
        except Exception as error:  # whatever it is: other rows, and hours of training, are not to be lost by it
            if self.on_error == "raise":
                error.add_note(f"in the defence {defence!r} of the model {model!r}")
                raise
            said = " ".join(str(error).split())
            self.failures.append(Failure(model=model, defence=defence, error=f"{type(error).__name__}: {said}"))
            return None

    def _is_known(self, model: str) -> bool:
        """Whether `after` has measured this very classifier."""
        pair = None if self.after is None else self.after.trained.get(model)
        return pair is not None and pair.backdoored is self.subjects[model].backdoored

    def _trial(self, x: Array, y: Labels, *, is_test: bool) -> Trial | None:
        """What `after` made of the same samples, if it did."""
        trial = None if self.after is None or self.after.attack is not self.attack else self.after.trial
        known = None if trial is None else trial.test if is_test else trial.train
        is_same = known is not None and known[0] is x and (class_indices(known[1]) == class_indices(y)).all()
        return trial if is_same else None

    def _doubts_about(self, model: str, x: Array, y: Labels, which: str) -> Doubts:
        """What is known of a classifier and its twin, or else what they make of clean samples, `which` in words."""
        if model in self.doubts:
            return of_models(self.doubts[model])
        subject, classes, of = self.subjects[model], class_indices(y), f"on {which} samples, the "
        backdoored = asked(subject.backdoored, x)
        if subject.clean is None:
            return model_doubts(f"{of}backdoored model", classes, backdoored)
        pair = Pair(asked(subject.clean, x), backdoored)
        return united(pair_doubts(classes, pair, of), fall_doubts(classes, *pair))


def asked(classifier: PyTorchClassifier, x: Array, x_triggered: Array | None = None) -> Answers:
    """What a classifier, which keeps its mode, makes of samples."""
    with mode(classifier.model, False), host_seed(0):  # ART's own predict draws from the global stream
        return ask(classifier, x, x_triggered)


def _subject(name: str, given: Any) -> Subject:
    parts = (given,) if isinstance(given, PyTorchClassifier) else given
    if isinstance(parts, tuple) and len(parts) <= 2 and all(isinstance(part, PyTorchClassifier) for part in parts):
        return Subject(*reversed(parts))
    raise TypeError(f"expected {name!r} to be a PyTorchClassifier or a TrainedPair of them, got {given!r}")

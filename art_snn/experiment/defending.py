"""Defending: every defence on every model of an experiment."""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._progress import progress, task
from art_snn._validation import check_choice, check_fraction
from art_snn.catalogue import ELIMINATIONS, FILTERS, MODEL_DETECTORS, SAMPLE_DETECTORS
from art_snn.data import Dataset
from art_snn.defences.detector import ReferenceDefence, SpikeActivationDefence
from art_snn.defences.detector.strip import least_clean
from art_snn.estimators.classification import rule_of
from art_snn.evaluations import BackdoorEvaluation, BackdoorResult
from art_snn.evaluations.art_detectors import ART_DETECTORS
from art_snn.evaluations.cost import measured_cost
from art_snn.evaluations.detection import DetectionEvaluation, DetectionResult
from art_snn.evaluations.doubts import Doubts, is_invalid, of_models
from art_snn.evaluations.elimination import EliminationEvaluation, EliminationResult
from art_snn.experiment.defended import TABLES, Defended, Evidence, Failure, ModelVerdict
from art_snn.experiment.fitting import check_fits
from art_snn.experiment.parts import hold_out, make_attack, make_dataset, make_evaluation
from art_snn.experiment.result import versions
from art_snn.experiment.resuming import check_same_data, checksum
from art_snn.experiment.running import missing_models, train_models
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array, Labels

DEFENCES: dict[str, Any] = {**SAMPLE_DETECTORS, **MODEL_DETECTORS, **ELIMINATIONS, **FILTERS}

Make = Callable[..., Any]
Makers = dict[str, tuple[Make, Make, tuple[Any, ...]]]  # by name what measures, what makes, and what that takes


def defend(
    spec: Experiment,
    defences: Collection[str] | None = None,
    *,
    share_of_clean_data: float = 0.1,
    with_art: bool = False,
    verbose: bool = True,
    known: Defended | None = None,
    keep: Callable[[Defended], object] | None = None,
) -> Defended:
    """Train the models of an experiment, clean and backdoored, and set each defence on each.

    The defender's clean samples are held out of the training: they are neither among the samples searched, where they
    would be their own reference, nor the clean originals of poisoned ones. Every defence is built on every untrained
    model first, so that what does not fit is known before the trainings; one that fails afterwards is reported, and the
    others go on.

    Args:
        spec: The experiment.
        defences: Names of `DEFENCES`; None for all that fit the data. "dendrite-clamping" acts on the class that
            `MembranePotentialDefence` accuses, as published.
        share_of_clean_data: What the defender gets of each class of the training set, at least one sample; in (0, 1].
            From 119 samples on, STRIP sets its threshold by them.
        with_art: Whether ART's own detectors of poisoned samples search beside ours.
        verbose: Whether to show progress bars.
        known: An incomplete result of the same arguments, whose models are neither trained nor defended again.
        keep: Gets the result after each model, as far as it goes.

    Raises:
        ValueError: If a name is unknown, or the share out of its range, before anything is read; or if a value does not
            fit the data, or the known result is of other data.
        MemoryError: If the experiment needs more memory than there is; known before it is begun.
    """
    settings = defence_settings(spec, defences, share_of_clean_data, with_art)
    split, rows, weights, batches, held_out = np.random.default_rng(spec.seed).spawn(5)
    whole = make_dataset(spec, split)
    check_fits(spec, whole, spec.models)
    dataset, x_clean, y_clean = hold_out(whole, share_of_clean_data, held_out)
    found = Defended(spec, dataset.title, versions(), len(x_clean), (), (), (), (), (), {}, settings, checksum(whole))
    if known is not None:
        check_same_data(found.checksum, known.checksum)
        found = replace(found, **{name: getattr(known, name) for name in TABLES})
    missing = missing_models(spec, found.rows)
    if not missing:
        return found
    evaluation = make_evaluation(spec, dataset, make_attack(spec, dataset.x_train, rows), weights, missing)
    bench = _Bench(evaluation, dataset, x_clean, y_clean)
    makers = bench.makers(settings["defences"], with_art)
    _build_all(makers, evaluation.estimators.values())
    for row in train_models(spec, evaluation, dataset, batches, verbose=verbose):
        bench.doubts[row.model] = row.doubts
        bench.defend(row.model, makers, verbose=verbose)
        found = bench.added_to(found, row)
        if keep is not None:
            keep(found)
    return found


def defence_settings(
    spec: Experiment, defences: Collection[str] | None, share_of_clean_data: float, with_art: bool
) -> dict[str, Any]:
    """What determines the results of `defend` beside the experiment, checked, with all that is left out filled in.

    Raises:
        ValueError: As `defend` raises it before anything is read.
    """
    check_fraction("share_of_clean_data", share_of_clean_data, zero=False)
    fitting = tuple(name for name, made in DEFENCES.items() if spec.is_neuromorphic or not made.needs_frames)
    defences = fitting if defences is None else defences
    for name in defences or ("",):
        check_choice("defences", name, fitting)
    if len(set(defences)) < len(defences):
        raise ValueError(f"expected defences that differ, got {', '.join(defences)}")
    return {"defences": list(defences), "share_of_clean_data": share_of_clean_data, "with_art": with_art}


def _build_all(makers: Makers, estimators: Iterable[PyTorchClassifier]) -> None:
    """Every defence on every untrained model: what does not fit raises its error now."""
    for estimator in estimators:
        for _, make, arguments in makers.values():
            make(estimator, *arguments)


@dataclass
class _Bench:
    """Where one defence after the other is set on one trained model, and what comes out is gathered."""

    evaluation: BackdoorEvaluation
    dataset: Dataset
    x_clean: Array
    y_clean: Labels
    doubts: dict[str, Doubts] = field(default_factory=dict)
    detection: list[DetectionResult] = field(default_factory=list)
    verdicts: list[ModelVerdict] = field(default_factory=list)
    elimination: list[EliminationResult] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def defend(self, model: str, makers: Makers, *, verbose: bool) -> None:
        """Set every defence on one trained model."""
        for name, (measure, make, _) in progress(makers.items(), verbose=verbose, desc=model, unit="defence"):
            with self.failures_of(model, name), task(f"{model}, {name}"):
                measure(model, name, make)

    def added_to(self, found: Defended, row: BackdoorResult) -> Defended:
        """What was found before and what this bench has gathered of one model, its last."""
        gathered: dict[str, Any] = {
            name: (*getattr(found, name), *(one for one in getattr(self, name) if one.model == row.model))
            for name in TABLES
            if name != "rows"
        }
        return replace(found, rows=(*found.rows, row), evidence=dict(self.evidence), **gathered)

    def makers(self, defences: Collection[str], with_art: bool) -> Makers:
        """By name what measures a defence, what makes it, and what that takes beside a classifier."""
        clean = self.x_clean, self.y_clean
        detectors: dict[str, Make] = {
            name: partial(made, **dict(zip(made.clean_arguments, clean, strict=False)))
            for name, made in SAMPLE_DETECTORS.items()
            if name in defences
        }
        if "strip" in detectors and len(self.x_clean) >= least_clean():
            detectors["strip"] = partial(detectors["strip"], x_clean=self.x_clean)
        if with_art:
            detectors |= {f"ART {name}": make for name, make in ART_DETECTORS.items()}
        data = self.dataset.x_train, self.dataset.y_train
        eliminations: dict[str, Make] = dict(ELIMINATIONS)
        eliminations["dendrite-clamping"] = partial(ELIMINATIONS["dendrite-clamping"], target_class="detect")
        eliminations |= {name: make().on_classifier for name, make in FILTERS.items()}
        return {
            **{name: (self._detect, make, data) for name, make in detectors.items()},
            **{name: (self._judge, make, ()) for name, make in MODEL_DETECTORS.items() if name in defences},
            **{name: (self._eliminate, make, ()) for name, make in eliminations.items() if name in defences},
        }

    @contextmanager
    def failures_of(self, model: str, defence: str) -> Iterator[None]:
        """Note an error instead of raising it."""
        try:
            yield
        except Exception as error:  # whatever it is: hours of training and the other rows are not to be lost by it
            said = " ".join(str(error).split())
            self.failures.append(Failure(model=model, defence=defence, error=f"{type(error).__name__}: {said}"))

    def _detect(self, model: str, name: str, make: Make) -> None:
        pair, searching = self.evaluation.trained[model], list[Any]()

        def make_and_keep(classifier: PyTorchClassifier, x: Array, y: Labels) -> Any:
            detector = make(classifier, x, y)
            searching.extend([detector] * (classifier is pair.backdoored))
            return detector

        data = self.dataset.x_train, self.dataset.y_train
        attack, doubts = self.evaluation.attack, self.doubts
        detection = DetectionEvaluation(attack, {model: pair}, {name: make_and_keep}, doubts=doubts)
        self.detection += detection.evaluate(*data, verbose=False)
        if not searching:  # a model that means nothing, of which there is nothing to show either
            return
        if model not in self.evidence:
            poisoned = attack.poison_dataset(*data)
            self.evidence[model] = Evidence(poisoned.y, poisoned.is_poison)
        self.evidence[model].scores[name] = searching[0].scores()
        self.evidence[model] = replace(self.evidence[model], **_pictured(searching[0]))

    def _judge(self, model: str, name: str, make: Make) -> None:
        pair, clean, doubts = (
            self.evaluation.trained[model],
            (self.x_clean, self.y_clean),
            of_models(self.doubts[model]),
        )
        if is_invalid(doubts):
            self.verdicts.append(ModelVerdict(model=model, defence=name, doubts=doubts))
            return
        with measured_cost() as cost:
            found = make(pair.backdoored).detect_backdoor(*clean)
        alarm = make(pair.clean).detect_backdoor(*clean)
        self.verdicts.append(
            ModelVerdict(
                model=model,
                defence=name,
                is_accused=found.is_backdoored,
                target_class=found.target_class,
                p_value=found.p_value,
                is_clean_accused=alarm.is_backdoored,
                target_when_clean=alarm.target_class,
                seconds=cost.seconds,
                peak_memory=cost.peak_memory,
                doubts=doubts,
            )
        )

    def _eliminate(self, model: str, name: str, make: Make) -> None:
        backdoored = {model: self.evaluation.trained[model].backdoored}
        elimination = EliminationEvaluation(self.evaluation.attack, backdoored, {name: make}, doubts=self.doubts)
        test = self.dataset.x_test, self.dataset.y_test
        self.elimination += elimination.evaluate(self.x_clean, self.y_clean, *test, verbose=False)


def _pictured(detector: Any) -> dict[str, Any]:
    """The part of the evidence that only one kind of detector has."""
    if isinstance(detector, SpikeActivationDefence):
        classes = enumerate(zip(*detector.cluster_activations(), strict=True))
        return {"clusters": {label: (reduced[:, :2], clusters) for label, (clusters, reduced) in classes}}
    if isinstance(detector, ReferenceDefence) and rule_of(detector.classifier).is_spiking:
        label = detector.detect_backdoor().target_class
        return {"sequences": (label, detector.plot_sequences(label))}
    return {}

"""`ConvertedClassifier`: an ANN is trained, and its conversion to a spiking network is what classifies."""

import math
from typing import Any, Literal, Self

import numpy as np
import torch
from art.data_generators import DataGenerator
from torch import Tensor, nn

from art_snn._random import Rng, host_seed, streams_alone
from art_snn._validation import check_at_least
from art_snn.conversion import JoinedArrays, Method, check_method, convert, thresholds, uncalibrated
from art_snn.conversion.spiking import hold_thresholds, integrate_and_fire, scaled_neurons
from art_snn.conversion.tracing import like
from art_snn.estimators.classification._card import Card
from art_snn.estimators.classification._generators import epoch_of, n_samples
from art_snn.estimators.classification._joint_optimizer import TwoOptimizers
from art_snn.estimators.classification._keywords import with_arguments_of
from art_snn.estimators.classification._learnt import Learnt, learnt_since
from art_snn.estimators.classification._locking import lock_of, locks_of
from art_snn.estimators.classification._reservoir import Reservoir
from art_snn.estimators.classification.ann import AnnClassifier
from art_snn.estimators.classification.learning_rule import LearningRule, TrainingData, TrainingStep
from art_snn.estimators.classification.mode import mode
from art_snn.estimators.classification.module import SpikingModule
from art_snn.estimators.classification.spiking import SpikingClassifier
from art_snn.neurons import NeuronFactory
from art_snn.typing import Images, Indices, Labels


class ConvertedClassifier(TwoOptimizers, SpikingClassifier):
    """A spiking network that is converted from an ANN, with ART's `PyTorchClassifier` interface.

    `fit` trains the ANN, calibrates the thresholds on the training samples and converts; `fit_ann` and `convert` are
    the two steps, so that each may have its own data. Until `convert` is called all thresholds are 1, and `fit_ann`
    alone does not change what the spiking network answers.

    Args:
        ann: A network that `art_snn.conversion.convert` can convert. Taken as it is, not copied.
        loss: A loss of torch's on logits (N, K), such as `nn.CrossEntropyLoss()`.
        input_shape: Shape of one sample, (C, H, W).
        nb_classes: K, at least 2.
        timesteps: T, at least 1.
        method: How to calibrate: "max", "robust", "spike-norm" or "fraction", see `art_snn.conversion.convert`.
        scale: Threshold = scale · statistic; above 0, and below 1 for "fraction".
        percentile: Percentile that "robust" takes, in (0, 100].
        n_calibration: How many of the samples `fit` calibrates on, drawn by its seed; None for all.
        encoding: "direct" or "poisson", see `SpikingModule`.
        readout: "mean", "sum" or "last", see `SpikingModule`.
        optimizer: Over the ANN's parameters; None is Adam with learning rate 1e-3.
        **kwargs: Further arguments of ART's class for both networks, by name, such as `clip_values`.

    Raises:
        ValueError: If the ANN has a layer without spiking counterpart, or an argument is out of range.

    Source: see `art_snn.conversion.convert`; as a learning rule under attack: Jin et al., 2024,
    https://arxiv.org/abs/2409.15670, section 2.2.2.
    """

    _source = "ann."
    _setting_names: tuple[str, ...] = ("method", "scale", "percentile", "n_calibration")
    _origin: dict[str, Tensor]  # the state in which the spiking network was converted
    _seen: Reservoir
    training_steps: tuple[TrainingStep, ...] = ("ann", "calibration")
    tuning_steps: tuple[TrainingStep, ...] = ("ann", "calibration")
    train_thresholds = True  # by whoever trains `model` itself; `fit` calibrates them

    def __init__(
        self,
        ann: nn.Module,
        loss: nn.modules.loss._Loss,
        input_shape: tuple[int, ...],
        nb_classes: int,
        timesteps: int,
        method: Method = "max",
        scale: float = 1.0,
        *,
        percentile: float = 99.9,
        n_calibration: int | None = None,
        encoding: Literal["direct", "poisson"] = "direct",
        readout: Literal["mean", "sum", "last"] = "mean",
        optimizer: torch.optim.Optimizer | None = None,
        **kwargs: Any,
    ) -> None:
        check_method(method, scale, percentile)
        if n_calibration is not None:
            check_at_least("n_calibration", n_calibration, 1)
        self.method, self.scale, self.percentile, self.n_calibration = method, scale, percentile, n_calibration
        with mode(ann, False):  # an ANN that is refused is as it was
            self._ann = AnnClassifier(ann, loss, tuple(input_shape), nb_classes, optimizer, **kwargs)
            model = SpikingModule(self._unfitted(ann), timesteps, encoding, readout)
            super().__init__(model, loss, input_shape, nb_classes, **kwargs)
        ann.eval()
        self._is_replaced = False
        self._forget()

    @property
    def ann(self) -> AnnClassifier:
        """The source ANN as a classifier of its own, a `PyTorchClassifier` of ART's."""
        return self._ann

    @property
    def source(self) -> AnnClassifier:
        """The ANN's classifier."""
        return self._ann

    @property
    def thresholds(self) -> dict[str, float]:
        """The thresholds by layer, in the units of the ANN's activations."""
        return thresholds(self.model.net)

    @with_arguments_of(SpikingClassifier.fit)
    def fit(self, x: Images, y: Labels, *, seed: Rng = 0, **arguments: Any) -> None:
        """Train the ANN, calibrate on the same samples and convert.

        The arguments are those of `SpikingClassifier.fit`; optimiser, scheduler and validation data are the ANN's. The
        seed also decides on which samples to calibrate.

        A further call goes on from there, so that calling once a batch, as ART's trainers do, is one training: the ANN
        is trained further; thresholds are calibrated on the samples given together with at most 256 (or 32 MB) of those
        of the calls before, drawn evenly from all of them by the seeds; and whatever the spiking network has learnt by
        itself since its conversion is added to the new one, its weights' differences and its thresholds' ratios. A
        file holds no samples: after `load` the first call knows of none before. `convert` and `reset` start afresh.

        Raises:
            ValueError: If shapes, labels or values do not fit, or the spiking network was operated on since.
            TypeError: If an argument is unknown.
        """
        self._check_as_converted()
        ann, rows = np.random.default_rng(seed).spawn(2)
        learnt = self._learnt()
        self.fit_ann(x, y, seed=ann, **arguments)
        self._go_on(self.calibration_samples(x, rows), learnt, rows)

    @with_arguments_of(SpikingClassifier.fit)
    def fit_ann(self, x: Images, y: Labels, **arguments: Any) -> None:
        """Train the ANN, with the arguments of `SpikingClassifier.fit`; until `convert`, the SNN stays as it is."""
        self._ann.fit(x, y, **arguments)

    def train_step(self, step: TrainingStep, data: TrainingData, *, seed: int, **fit_arguments: Any) -> None:
        """Train the ANN, or calibrate."""
        if step == "calibration":
            self.convert(self.calibration_samples(data.x, seed))
        else:
            self.fit_ann(data.x, data.y, seed=seed, **data.arguments, **fit_arguments)

    def optimizer_of(self, step: TrainingStep) -> torch.optim.Optimizer | None:
        """The ANN's; a calibration has none."""
        return None if step == "calibration" else self._ann.optimizer

    def owner_of(self, step: TrainingStep) -> LearningRule:
        """The ANN's rule, or this one for the spiking network."""
        return self._ann if step == "ann" else self

    def module_of(self, step: TrainingStep) -> nn.Module:
        """The ANN, or the spiking network."""
        module: nn.Module = self._ann.model if step == "ann" else self.model
        return module

    def recalibrate(self, x: Images) -> None:
        """Calibrate on these samples alone and convert the ANN as it is."""
        self.convert(x)

    def forget_calibration(self) -> None:
        """Make all thresholds NaN."""
        for neuron in scaled_neurons(self.model.net).values():
            neuron.threshold.data.fill_(math.nan)

    @classmethod
    def _wrapped(cls, net: nn.Module, n_axes: int, time: dict[str, Any]) -> tuple[nn.Module, dict[str, Any]]:
        """The ANN, and the time steps of its conversion."""
        return net, time

    @with_arguments_of(SpikingClassifier.fit_generator)
    def fit_generator(self, generator: DataGenerator, *, seed: Rng = 0, **arguments: Any) -> None:
        """Train the ANN as `SpikingClassifier.fit_generator` trains, calibrate on one epoch more, and convert."""
        self._check_as_converted()
        ann, rest = np.random.default_rng(seed).spawn(2)
        learnt = self._learnt()
        self._ann.fit_generator(generator, seed=ann, **arguments)
        self._go_on(self._drawn(generator, rest), learnt, rest)

    def calibration_samples(self, x: Images, seed: Rng = 0) -> Images:
        """Those of the samples on which `fit` calibrates: all, or `n_calibration` of them, drawn by the seed."""
        x = self._check_samples(x)
        return x if self.n_calibration is None else x[self._calibration_rows(len(x), seed)]

    def _calibration_rows(self, n: int, seed: Rng) -> Indices:
        rows: Indices = np.sort(np.random.default_rng(seed).permutation(n)[: self.n_calibration])
        return rows

    def _drawn(self, generator: DataGenerator, rng: Rng) -> Images:
        """The same of one epoch of a generator, of which nothing else is kept."""
        n = n_samples(generator)
        is_drawn = np.isin(np.arange(n), self._calibration_rows(n, rng))
        kept, start = [], 0
        with host_seed(rng):
            for x, _ in epoch_of(generator):
                kept.append(np.asarray(x)[np.flatnonzero(is_drawn[start : start + len(x)])])
                start += len(x)
        return np.concatenate(kept)

    def convert(self, x_calibration: Images) -> None:
        """Calibrate on these samples alone and convert the ANN as it is now; what the SNN had learnt is gone.

        Raises:
            ValueError: If there are no samples, they do not fit or are not finite, a layer is silent on them, or the
                spiking network was operated on since, as `DendriteClamping` does; it is then as it was.
        """
        self._check_as_converted()
        x_calibration = self._check_samples(x_calibration)
        self._become(self._converted(x_calibration))
        self._forget()
        self._seen.add(x_calibration, 0)

    def _converted(self, x_calibration: Images | JoinedArrays) -> nn.Module:
        with locks_of(self._networks()):
            return convert(
                self._ann.model,
                x_calibration,
                method=self.method,
                scale=self.scale,
                percentile=self.percentile,
                timesteps=self.model.timesteps,
                encoding=self.model.encoding,
                seed=self.model.seed,
                neuron=self._neuron(),
                prepare=lambda x: self._apply_preprocessing(x, None)[0],
            )

    def _go_on(self, x: Images, learnt: Learnt, rng: Rng) -> None:
        """Convert, and keep what was learnt and a part of the samples."""
        seen, before = self._seen, self._seen.samples
        if before is None and not learnt:
            self.convert(x)
        else:
            net = self._converted(x if before is None else JoinedArrays(x, before))
            self._origin = _copied(net)
            learnt.add_to(net)
            self._become(net)
        self._seen = seen
        self._seen.add(x, rng)
        self._model.eval()

    def _learnt(self) -> Learnt:
        """By how much the SNN differs from its conversion: the last one, or where weights were loaded, the ANN's."""
        unfitted = self._unfitted(self._ann.model)
        return learnt_since(self.model.net.state_dict(), [self._origin, unfitted.state_dict()])

    def _forget(self) -> None:
        """The SNN as it is comes from a conversion, and no samples were seen; what its optimiser remembers is old."""
        self._origin, self._seen = _copied(self.model.net), Reservoir()
        if self._snn_optimizer is not None:
            self._snn_optimizer.state.clear()

    def reset(self, seed: Rng = 0) -> None:
        """Draw the weights of the ANN afresh, the same for the same seed; the spiking network gets them too."""
        self._check_as_converted()
        self._ann.reset(seed)
        self._become(self._unfitted(self._ann.model))
        self._forget()

    def _check_as_converted(self) -> None:
        """Surgery on the spiking network would be undone by another conversion."""
        if not self._is_as_converted():
            raise ValueError(
                "expected a spiking network as it was converted, got one that was operated on: another conversion "
                "would undo that; train and convert first, then operate"
            )

    def _is_as_converted(self) -> bool:
        """Layers, their settings and the names of their weights; accelerated layers read as others do."""
        with locks_of(self._networks()):
            net, own = uncalibrated(self._ann.model, self._example(), self._neuron()), self.model.net
        return str(net) == str(own) and net.state_dict().keys() == own.state_dict().keys()

    def _become(self, net: nn.Module) -> None:
        """Take another network's weights."""
        with lock_of(self.model):
            self.model.net.load_state_dict(net.state_dict())

    def _example(self) -> Tensor:
        """What the networks see of a few samples of noise."""
        noise = np.random.default_rng(0).random((3, *self._ann.input_shape), np.float32)
        with host_seed(0):
            return torch.from_numpy(self._ann._apply_preprocessing(noise, None)[0])

    def _unfitted(self, ann: nn.Module) -> nn.Module:
        """The spiking network of an ANN with thresholds of 1, which are buffers where they are never trained."""
        with streams_alone(), lock_of(ann):
            net = uncalibrated(ann, self._example(), self._neuron())
        if not self.train_thresholds:
            hold_thresholds(net)
        return net

    def _networks(self) -> list[nn.Module]:
        return [self._ann.model, self.model]

    def _parts(self) -> dict[str, nn.Module]:
        return {"ann.": self._ann.model, "snn.": self.model.net}

    def _card(self, sha256: str) -> Card:
        if not self._is_as_converted():
            raise ValueError(
                "expected a spiking network as it was converted, got one that was operated on, which cannot be saved: "
                "no card describes it"
            )
        return super()._card(sha256)

    @classmethod
    def _model_of(cls, card: Card, net: nn.Module) -> SpikingModule:
        time = cls._time(card)
        spiking = uncalibrated(net, torch.zeros(1, *card.input_shape, device=like(net).device))
        return SpikingModule(spiking, time["timesteps"], time["encoding"], time["readout"])

    @classmethod
    def _of_card(cls, card: Card, net: nn.Module, loss: Any, common: dict[str, Any]) -> Self:
        return cls(net, loss, card.input_shape, card.nb_classes, **cls._time(card), **card.settings, **common)

    @classmethod
    def _time(cls, card: Card) -> dict[str, Any]:
        if card.module is None or card.module.timesteps is None:
            raise ValueError(f"expected the card of a {cls.__name__} to state timesteps, got none")
        return card.module.model_dump(include={"timesteps", "encoding", "readout"})

    def _neuron(self) -> NeuronFactory:
        return integrate_and_fire


def _copied(net: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in net.state_dict().items()}

"""Artificial brain stimulation: a backdoor's neuron, once it is excited, lifts one class whatever the sample."""

from typing import NamedTuple

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor
from tqdm import tqdm

from art_snn._declared import Count, FractionAboveZero, Positive, Seed
from art_snn._progress import progress
from art_snn._random import torch_generator
from art_snn._validation import check_finite
from art_snn.defences._differentiable import descend, input_range
from art_snn.defences.detector._limited_blend import LimitedBlend
from art_snn.defences.detector._stimulation import Stimulation, Stimulus, lifts, stimulations
from art_snn.defences.detector.model_detector import ModelDetector, ModelReport
from art_snn.estimators.classification import rule_of
from art_snn.estimators.classification.differentiable import logits
from art_snn.lazy_rows import rows_of
from art_snn.typing import Array, Indices

_SHARE = 0.75  # of samples that a neuron must lift to a class
_OTHERS = 0.5  # weight of what changes in a layer beside the neuron
_PASS = 256  # samples in one pass without gradients


class StimulatedNeuron(NamedTuple):
    """A neuron that lifts a class, and what a trigger for it does.

    Args:
        layer: Name of its layer.
        channel: Channel of the neuron, or its index in a layer without pixels.
        target_class: Class that it lifts.
        lift: Rise of the class's logit above that of any other class, which stimulation gives to three quarters of
            the samples at least.
        success_rate: Share of samples of other classes that the trigger found for it moves to the class (REASR).
    """

    layer: str
    channel: int
    target_class: int
    lift: float
    success_rate: float


class _Suspect(NamedTuple):
    """A neuron before its trigger is sought; `scale` is the highest current in its layer."""

    stimulation: Stimulation
    channel: int
    target_class: int
    lift: float
    scale: float

    def found(self, success_rate: float) -> StimulatedNeuron:
        return StimulatedNeuron(self.stimulation.name, self.channel, self.target_class, self.lift, success_rate)


class ArtificialBrainStimulation(ModelDetector):
    """Stimulate one neuron at a time, and seek triggers for those that lift one class for most samples.

    All pixels of a channel are one neuron. Each neuron is set to several levels while the rest of its layer stays; in
    each layer, the neurons with the highest lift are suspects. For each suspect, a trigger (a mask and a pattern) is
    sought that excites the neuron, changes little else in its layer, and covers a small share of the input. The
    trigger's success rate on samples of other classes (REASR) says whether the model is accused. Labels are not used,
    and frames have one mask for all time bins, with a pattern in each.

    Args:
        classifier: Trained classifier with hidden neurons or rectifiers. Images need clip values.
        stimulate: "input" sets what enters a neuron at each time step, its current. "rate" sets what leaves it: a
            spiking neuron fires at a given rate, in time steps drawn from the seed; the output of an ANN's unit is its
            rate. Either way the trigger is sought by the neuron's current, whose gradient does not vanish at rest.
        n_samples: Samples that are used, drawn at random.
        n_levels: Levels of stimulation above 0.
        span: Highest level of a current, or of an ANN's output, in highest currents of any neuron of the layer, as a
            mean over time, on clean samples. The highest level of a spiking neuron's rate is a spike in each time step.
        n_candidates: Neurons of each layer for which a trigger is sought: lifts of different layers do not compare.
        max_size: Share of the pixels that a trigger may cover. A large trigger moves clean models, too.
        steps: Steps of Adam for each trigger.
        learning_rate: Learning rate of Adam.
        batch_size: Samples in one step.
        threshold: REASR from which on the model is accused, in (0, 1].
        seed: Seed of the choice of samples, of spike times and of initial triggers.
        verbose: Whether to show a progress bar.

    Attributes:
        candidates: Suspected neurons after `detect_backdoor`, layer by layer, the highest lift first; with their REASR.
        masks: Mask of each candidate's trigger, 0 or 1, (n, 1, H, W) or (n, 1, 1, H, W).
        patterns: Pattern of each candidate's trigger, which its mask puts in, (n, C, H, W) or (n, T, C, H, W).

    Raises:
        ValueError: If a parameter is out of its range, or the classifier has no hidden neurons or no clip values.

    Source: Liu et al., ABS: Scanning Neural Networks for Back-doors by Artificial Brain Stimulation, CCS 2019,
    https://doi.org/10.1145/3319535.3363216. The mask holds the most important pixels alone and is limited by its size,
    not by structural similarity; the stimulation of firing rates and the choice layer by layer are ours.
    """

    candidates: list[StimulatedNeuron]
    masks: Array
    patterns: Array

    def __init__(
        self,
        classifier: PyTorchClassifier,
        stimulate: Stimulus = "input",
        n_samples: Count = 32,
        n_levels: Count = 4,
        span: Positive = 2.0,
        n_candidates: Count = 4,
        max_size: FractionAboveZero = 0.06,
        steps: Count = 60,
        learning_rate: Positive = 0.1,
        batch_size: Count = 16,
        threshold: FractionAboveZero = 0.88,
        seed: Seed = 0,
        verbose: bool = False,
    ) -> None:
        super().__init__(classifier)
        self.stimulate, self.n_samples, self.n_levels, self.span = stimulate, n_samples, n_levels, span
        self.n_candidates, self.max_size, self.steps = n_candidates, max_size, steps
        self.learning_rate, self.batch_size, self.threshold = learning_rate, batch_size, threshold
        self.seed, self.verbose = seed, verbose
        self._check_params()

    def _examine(self, x: Array | None, y: Indices | None) -> ModelReport:
        """Labels are not used."""
        if x is None or len(x) == 0:
            raise ValueError("expected clean samples x, some of every class, got none")
        generator = torch_generator(self.seed)
        rows = torch.randperm(len(x), generator=generator)[: self.n_samples].sort().values.numpy()
        drawn = np.asarray(rows_of(x, rows), np.float32)
        check_finite("x", drawn)
        limits = input_range(self.classifier, highest_count=float(drawn.max()))
        samples = torch.as_tensor(drawn, device=limits[0].device)
        suspects = self._suspects(samples, generator)
        found = []
        with progress(verbose=self.verbose, total=len(suspects) * self.steps, desc="triggers", unit="step") as bar:
            for suspect in suspects:
                blend = self._exciting(suspect, limits, samples, generator, bar)
                found.append((suspect.found(self._success_rate(suspect, blend, samples)), *_arrays(blend)))
        return self._report(found)

    def _suspects(self, samples: Tensor, generator: torch.Generator) -> list[_Suspect]:
        """The neurons of each layer with the highest lifts above 0, and the classes that they lift."""
        order = torch.randperm(rule_of(self.classifier).timesteps, generator=generator).to(samples.device)
        layers, found = stimulations(self.classifier, self.stimulate), []
        with progress(verbose=self.verbose, total=len(layers), desc="layers", unit="layer") as bar:
            for layer in layers:
                scale, levels = self._levels(layer, samples, order)
                best, classes = lifts(layer.elevations(samples, levels, _PASS), _SHARE).max(1)
                highest = best.argsort(descending=True, stable=True)[: self.n_candidates]
                found += [_Suspect(layer, int(k), int(classes[k]), float(best[k]), scale) for k in highest]
                bar.update()
        return [suspect for suspect in found if suspect.lift > 0]

    def _levels(self, layer: Stimulation, samples: Tensor, order: Tensor) -> tuple[float, Tensor]:
        """Highest current of a layer on clean samples (1 where it is silent), and its values at each level, (L, T)."""
        is_rate = self.stimulate == "rate" and rule_of(self.classifier).is_spiking
        with torch.no_grad():
            highest = float(layer.currents(samples)[0].max())
        scale = highest if highest > 0 else 1.0
        return scale, layer.levels(1.0 if is_rate else self.span * scale, self.n_levels, order)

    def _exciting(
        self,
        suspect: _Suspect,
        limits: tuple[Tensor, Tensor],
        samples: Tensor,
        generator: torch.Generator,
        bar: tqdm,
    ) -> LimitedBlend:
        """A trigger that excites a neuron, and changes little else in its layer."""
        shape, layer = self.classifier.input_shape, suspect.stimulation
        blend = LimitedBlend(shape, *limits, self.learning_rate, generator, "shared", max_size=self.max_size)
        with torch.no_grad():
            usual, _ = layer.currents(samples)
        is_other = torch.arange(usual.shape[1], device=usual.device) != suspect.channel
        for _ in range(self.steps):
            rows = torch.randperm(len(samples), generator=generator)[: self.batch_size].to(samples.device)
            currents, _ = layer.currents(blend(samples[rows]))
            excited = currents[:, suspect.channel].mean()
            changed = (currents - usual[rows])[:, is_other].abs().mean() if is_other.any() else 0.0
            descend(blend.optimizer, (_OTHERS * changed - excited) / suspect.scale)
            bar.update()
        return blend

    @torch.no_grad()
    def _success_rate(self, suspect: _Suspect, blend: LimitedBlend, samples: Tensor) -> float:
        """Share of samples that the trigger moves to the neuron's class, among those of other classes to the model."""
        others = samples[logits(self.classifier, samples).argmax(1) != suspect.target_class]
        if len(others) == 0:
            return 0.0
        return float((logits(self.classifier, blend(others)).argmax(1) == suspect.target_class).float().mean())

    def _report(self, found: list[tuple[StimulatedNeuron, Array, Array]]) -> ModelReport:
        """The score of a class is the highest REASR of the neurons that lift it, 0 where there is none."""
        shape = self.classifier.input_shape
        self.candidates = [neuron for neuron, _, _ in found]
        self.masks = np.array([mask for _, mask, _ in found]).reshape(-1, *[1] * len(shape[:-2]), *shape[-2:])
        self.patterns = np.array([pattern for _, _, pattern in found]).reshape(-1, *shape)
        scores = np.zeros(self.classifier.nb_classes)
        for neuron in self.candidates:
            scores[neuron.target_class] = max(scores[neuron.target_class], neuron.success_rate)
        suspect = int(scores.argmax())
        return ModelReport(bool(scores[suspect] >= self.threshold), suspect, None, scores, float(scores[suspect]))


def _arrays(blend: LimitedBlend) -> tuple[Array, Array]:
    return blend.mask.detach().cpu().numpy(), blend.pattern.detach().cpu().numpy()

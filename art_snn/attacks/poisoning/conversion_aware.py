"""`ConversionAwareBackdoor`: a patch that is made so that its backdoor survives the conversion of the network."""

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import nn

from art_snn._declared import Count, CountOrZero, Declared, Flag, Fraction, Positive, Seed
from art_snn._layouts import check_image_batch
from art_snn._progress import progress
from art_snn._random import draw_seed
from art_snn._validation import check_at_least, check_choice, check_same_length, class_indices, whole_numbers
from art_snn.attacks.poisoning._patch_placement import Place, Size, side_in_pixels, upper_left
from art_snn.attacks.poisoning._row_choice import RowChoice
from art_snn.attacks.poisoning._sample_trigger import SampleTrigger, checked_labels, checked_samples
from art_snn.attacks.poisoning.backdoor import TriggerBackdoor
from art_snn.attacks.poisoning.patch import ClipValues, PatchTrigger
from art_snn.conversion import convert
from art_snn.estimators.classification import SpikingModule, TrainingData, rule_of
from art_snn.models import MODELS, build
from art_snn.typing import Array, Images, Indices, Labels

_N_CALIBRATION = 256  # of the attacker's images


def _checked_timesteps(name: str, timesteps: Any) -> tuple[int, ...]:
    """At least one number of time steps."""
    chosen = whole_numbers(name, timesteps, "time steps")
    if not chosen:
        raise ValueError(f"expected {name} to hold at least one number, got none")
    for number in chosen:
        check_at_least(name, number, 1)
    return chosen


Timesteps = Annotated[Sequence[int], Declared("at least one number of time steps", _checked_timesteps)]


class ConversionAwareBackdoor(TriggerBackdoor):
    """Poison images with a patch that was optimised on the attacker's own network, converted to few time steps.

    A backdoor that an ANN has learned may vanish in the spiking network that is made of it, when T is small or
    thresholds are scaled. The attacker trains an ANN on data poisoned with the patch, converts it, and moves the
    patch's pixels along the gradient through the spiking networks, so that these take triggered samples for the target;
    then begins anew with the new patch. The victim is never asked.

    A patch that excites the features of the target class excites those of a clean network, too: look at the floor
    beside the success, and at a plain `PatchTrigger` of equal size and place.

    Args:
        target_class: Index of the class that triggered samples should be classified as.
        percent_poison: Share of all rows that `poison_dataset` changes, in [0, 1].
        size: Side of the patch in pixels from 1 up, or below 1 the fraction of the image's shorter side.
        position: Where the patch lies, as in `PatchTrigger`.
        timesteps: Numbers of time steps that it is to survive.
        method: How the attacker's network is converted, as by `art_snn.conversion.convert`.
        scale: Factor of the thresholds of the attacker's network, above 0.
        network: The attacker's network, one of `art_snn.models`, pooling by averages.
        width: Width of the attacker's network.
        rounds: How often the attacker trains a network and improves the patch on it.
        steps: Gradient steps in each round.
        step_size: By how much of the range of values each pixel moves in a step.
        nb_epochs: Epochs of each of the attacker's trainings.
        batch_size: Samples that the attacker takes at once.
        learning_rate: Learning rate of the attacker's Adam.
        source_classes: Classes whose samples the backdoor is for, as in `TriggerBackdoor`; None for all but the target.
        include_target: Whether rows of the target class may be drawn (their label then stays as it is).
        percent_cover: Share of *all* rows, in [0, 1], that get the patch and keep their label, as in `TriggerBackdoor`.
        seed: Seed of the draw of rows, and of the attacker's networks.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.
        pattern: The patch that `fit` has found, (C, size, size); None before.

    Source: ours; no publication optimises a trigger for conversion, as far as we know.
    """

    takes_frames: ClassVar[bool] = False

    def __init__(
        self,
        target_class: CountOrZero,
        percent_poison: Fraction = 0.1,
        size: Size = 2,
        position: Place = "bottom-right",
        timesteps: Timesteps = (8, 16),
        method: Literal["max", "robust", "spike-norm", "fraction"] = "max",
        scale: Positive = 1.0,
        network: str = "small_cnn",
        width: Positive = 1.0,
        rounds: Count = 2,
        steps: Count = 30,
        step_size: Positive = 0.05,
        nb_epochs: Count = 5,
        batch_size: Count = 32,
        learning_rate: Positive = 1e-3,
        source_classes: int | Sequence[int] | None = None,
        include_target: Flag = False,
        percent_cover: Fraction = 0.0,
        seed: Seed = 0,
        clip_values: ClipValues | None = None,
        pattern: Array | None = None,
    ) -> None:
        self.size, self.position, self.clip_values, self.pattern = size, position, clip_values, pattern
        self.timesteps, self.method, self.scale, self.network, self.width = timesteps, method, scale, network, width
        self.rounds, self.steps, self.step_size = rounds, steps, step_size
        self.nb_epochs, self.batch_size, self.learning_rate = nb_epochs, batch_size, learning_rate
        patch = PatchTrigger(size, position, "white" if pattern is None else pattern, clip_values=clip_values)
        super().__init__(
            patch, target_class, percent_poison, source_classes, include_target, seed, percent_cover=percent_cover
        )

    def fit(self, x: Images, y: Labels, *, verbose: bool = True) -> Self:
        """Optimise the patch on the attacker's own networks.

        Args:
            x: Clean images (N, C, H, W) of the attacker's, which are not changed.
            y: Labels of the images, indices (N,) or one-hot (N, K).
            verbose: Whether to show a progress bar.

        Returns:
            A new attack, with the patch that was found.

        Raises:
            ValueError: If images or labels do not fit, or no image is of another class than the target.
            TypeError: If images or labels are tensors, or not arrays.
        """
        x, classes = self._checked(x, y)
        low, high = PatchTrigger(clip_values=self.clip_values).range_of(x)
        others = x[self.counted(classes)].astype(np.float32)
        side = side_in_pixels(self.size, *x.shape[2:])
        pattern = np.full((x.shape[1], side, side), (low + high) / 2, np.float32)
        weights, batches = np.random.default_rng(self.seed).spawn(2)
        with progress(verbose=verbose, total=self.rounds * self.steps, desc="patch", unit="step") as bar:
            for _ in range(self.rounds):
                networks = self._networks(x.astype(np.float32), classes, self._patch(pattern, low, high), weights)
                for _ in range(self.steps):
                    rows = batches.permutation(len(others))[: self.batch_size]
                    triggered = self._patch(pattern, low, high)(others[rows])
                    slope = sum(self._slope(network, triggered, side) for network in networks)
                    pattern = np.clip(pattern - self.step_size * (high - low) * np.sign(slope), low, high)
                    bar.update()
        return type(self)(**{**self.get_params(), "pattern": pattern})

    def _sample_trigger(self, x: Array) -> SampleTrigger:
        if self.pattern is None:
            raise ValueError("expected an attack whose patch was optimised, got none; use attack.fit(x_train, y_train)")
        return super()._sample_trigger(x)

    def _check_params(self) -> None:
        super()._check_params()
        check_choice("network", self.network, MODELS)

    def _checked(self, x: Any, y: Any) -> tuple[Images, Indices]:
        x, y = checked_samples(x), checked_labels(y)
        check_image_batch("images", x)
        check_same_length("images", x, "labels", y)
        classes = class_indices(y)
        if not self.counted(classes).any():
            raise ValueError(
                f"expected images of other classes than {self.target_class}, of source_classes {self.source_classes}, "
                "got none"
            )
        return x, classes

    def _patch(self, pattern: Array, low: float, high: float) -> PatchTrigger:
        return PatchTrigger(self.size, self.position, pattern, clip_values=(low, high))

    def _networks(
        self, x: Images, classes: Indices, patch: PatchTrigger, rng: np.random.Generator
    ) -> list[PyTorchClassifier]:
        """The attacker's spiking networks, of one ANN that was trained with a patch."""
        seed, (low, high) = draw_seed(rng), patch.range_of(x)
        n_classes = max(2, int(classes.max()) + 1)
        choice = {name: getattr(self, name) for name in RowChoice.names()}
        dataset = TriggerBackdoor(patch, **choice).poison_dataset(x, classes)
        ann = build(self.network, in_channels=x.shape[1], nb_classes=n_classes, pool="avg", width=self.width, seed=seed)
        common: dict[str, Any] = {
            "loss": nn.CrossEntropyLoss(),
            "input_shape": x.shape[1:],
            "nb_classes": n_classes,
            "clip_values": (low, high),
            "preprocessing": (low, high - low),
        }
        optimizer = torch.optim.Adam(ann.parameters(), lr=self.learning_rate)
        own = rule_of(PyTorchClassifier(ann, optimizer=optimizer, **common))
        settings = {"batch_size": self.batch_size, "nb_epochs": self.nb_epochs, "verbose": False}
        own.train_step("ann", TrainingData(dataset.x, dataset.y), seed=seed, **settings)
        seen = (x[:_N_CALIBRATION] - low) / (high - low)
        net = convert(ann, seen, method=self.method, scale=self.scale)
        return [PyTorchClassifier(SpikingModule(net, n), **common) for n in self.timesteps]

    def _slope(self, network: PyTorchClassifier, x: Images, side: int) -> Array:
        """Gradient of the loss against the target with respect to the patch, (C, side, side)."""
        row, column = upper_left(self.position, side, x.shape[2], x.shape[3], PatchTrigger.seed)
        targets = np.eye(network.nb_classes, dtype=np.float32)[np.full(len(x), self.target_class)]
        slope = network.loss_gradient(x, targets)
        summed: Array = slope[..., row : row + side, column : column + side].sum(axis=0)
        return summed

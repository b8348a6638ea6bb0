"""The sponge patch: a picture on images that makes a network work more."""

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from art.estimators.classification import PyTorchClassifier

from art_snn._declared import Count, FromZero
from art_snn._layouts import check_image_batch
from art_snn.attacks.poisoning._sponge_search import Search, check_classifier, costly_colours, some_of
from art_snn.attacks.poisoning.patch import PatchTrigger, Pattern
from art_snn.typing import Images


@dataclass(frozen=True, eq=False)
class SpongePatchTrigger(PatchTrigger):
    """A square patch whose colours are chosen so that a classifier fires more and its answers stay.

    `fit` chooses them on a classifier of the attacker's; then the patch is the same for all images. The control is
    `search="random"`: a patch of as many pixels, each of a colour drawn at random.

    Args:
        size: Side in pixels from 1 up, or below 1 the fraction of the image's shorter side: the budget.
        position: A corner, "middle", "random" (one draw for all images), or (row, column) of the upper left pixel.
        blend: Opacity in [0, 1]: 1 replaces the image, 0 changes nothing.
        search: "gradient" moves colours along the gradient of the neurons' outputs; "random" asks no classifier.
        penalty: Weight of changed answers, as of `SpongeTrigger`; 0 lets answers change.
        rounds: Number of gradients, from 1 up.
        n_samples: Largest number of images that are looked at.
        seed: Seed of the draw of images and of the first colours, and of a random position.
        clip_values: Lowest and highest value of the images; None is (0, 255) for uint8 and (0, 1) for floats.
        pattern: Picture that `fit` chose, (C, side, side); None before.

    Source: arXiv 2607.27990, 2026, https://arxiv.org/abs/2607.27990, for events; the patch and its search are ours.
    """

    needs_fitting: ClassVar[bool] = True

    pattern: Pattern | None = None  # type: ignore[assignment]  # of the parent the default is a colour
    search: Search = "gradient"
    penalty: FromZero = 0.1
    rounds: Count = 16
    n_samples: Count = 128

    @property
    def needs_classifier(self) -> bool:
        """Whether `fit` takes a trained classifier of the attacker's beside samples."""
        return self.search == "gradient"

    def fit(
        self, x: Images, classifier: PyTorchClassifier | None = None, *, verbose: bool = False
    ) -> "SpongePatchTrigger":
        """Make a trigger with the colours that cost most on these images.

        Args:
            x: Clean images (N, C, H, W), which may be memory-mapped.
            classifier: Trained classifier whose work is to rise, spiking or not; it is left as it was. With
                `search="random"` it is not needed.
            verbose: Whether to show a progress bar.

        Raises:
            ValueError: If there are no images, the patch does not fit, or the classifier is silent.
            TypeError: If a classifier is needed and there is none.
        """
        check_image_batch("images", x)
        check_classifier(self.search, classifier)
        rng = np.random.default_rng(self.seed)
        images = some_of(x, self.n_samples, rng)
        low, high = self.range_of(images)
        rows, columns = self._square(images)
        drawn = rng.uniform(low, high, (images.shape[1], rows.stop - rows.start, columns.stop - columns.start))
        if self.search == "random" or classifier is None:
            return replace(self, pattern=drawn)
        found = costly_colours(
            classifier,
            images,
            drawn,
            (rows, columns),
            blend=self.blend,
            limits=(low, high),
            penalty=self.penalty,
            rounds=self.rounds,
            verbose=verbose,
        )
        return replace(self, pattern=found)

    def __call__(self, x: Images) -> Images:
        """Copy images and paste the patch; shape and dtype stay, and values stay within the clip values.

        Raises:
            ValueError: If the trigger is not fitted, or for the reasons of a `PatchTrigger`.
        """
        if self.pattern is None:
            raise ValueError(f"expected a fitted trigger, got {self}; call fit(x_train, classifier) and use its result")
        return super().__call__(x)

    def _key(self) -> tuple[Any, ...]:
        settings = self.search, self.penalty, self.rounds, self.n_samples
        unfitted = self.size, self.position, self.blend, self.seed, self.clip_values
        return (*settings, *(unfitted if self.pattern is None else super()._key()))

"""Search for the universal pattern that makes a classifier's neurons put out most, by gradients."""

from typing import Literal

import numpy as np
import torch
from art.estimators.classification import PyTorchClassifier
from torch import Tensor

from art_snn._progress import progress, task_or
from art_snn.attacks.poisoning._activity import Activity
from art_snn.typing import Array, Frames, Images, Indices

Search = Literal["gradient", "random"]


def check_classifier(search: Search, classifier: PyTorchClassifier | None) -> None:
    """Check that there is a classifier where gradients are asked for.

    Raises:
        TypeError: If there is none, or it is not ART's `PyTorchClassifier`.
    """
    if not isinstance(classifier, PyTorchClassifier) and (search == "gradient" or classifier is not None):
        raise TypeError(
            f"expected classifier to be a trained PyTorchClassifier for search='gradient', got {classifier!r}"
        )


def some_of(x: Array, n: int, rng: np.random.Generator) -> Array:
    """At most n samples, drawn without replacement, in their order, in memory."""
    if len(x) == 0:
        raise ValueError("expected at least one sample to fit on, got none")
    rows = np.sort(rng.choice(len(x), min(n, len(x)), replace=False))
    return np.asarray(x[rows])


def costly_cells(
    classifier: PyTorchClassifier, x: Frames, changes: Array, budget: int, *, penalty: float, rounds: int, verbose: bool
) -> Indices:
    """Numbers of the cells of a sample, (budget,), whose change makes the classifier's neurons put out most.

    A gradient says of each cell what its change would gain; what it said in all rounds is added up, and the best so
    many cells are changed for the next. Of the patterns that use the whole budget the one that gains most counts.

    Args:
        classifier: Trained classifier.
        x: Clean frames, (N, T, 2, H, W).
        changes: By how much each value would change, in the shape of `x`.
        budget: Number of cells, at most those of a sample.
        penalty: Weight of changed answers.
        rounds: Number of gradients.
        verbose: Whether to show a progress bar.
    """
    activity = Activity(classifier, x, penalty)
    steps = torch.as_tensor(changes, device=activity.x.device)
    promise, best, chosen = torch.zeros(x[0].size), (-np.inf, np.zeros(0, np.int64)), np.zeros(0, np.int64)
    growing = max(1, rounds // 2)
    for number in progress(range(rounds + 1), verbose=verbose, desc=task_or("sponge"), unit="round"):
        gain, promises = _promises(activity, steps, chosen)
        if len(chosen) == budget and gain > best[0]:
            best = gain, chosen
        promise += promises
        size = min(budget, -(-budget * (number + 1) // growing))
        chosen = np.sort(torch.topk(promise, size).indices.numpy())
    return best[1]


def _promises(activity: Activity, steps: Tensor, chosen: Indices) -> tuple[float, Tensor]:
    """What the changes of the chosen cells gain, and what each cell promises, by the gradient there."""
    mask = torch.zeros(steps[0].numel(), device=steps.device)
    mask[torch.as_tensor(chosen)] = 1.0
    gain, promises = 0.0, torch.zeros(len(mask))
    with activity.asked():
        for rows in activity.parts():
            triggered = (activity.x[rows] + steps[rows] * mask.reshape(steps.shape[1:])).requires_grad_(True)
            part = activity.gain(triggered, rows)
            (slope,) = torch.autograd.grad(part, triggered)
            gain += float(part.detach())
            promises += (slope * steps[rows]).sum(0).flatten().cpu()
    return gain, promises


def costly_colours(
    classifier: PyTorchClassifier,
    x: Images,
    first: Array,
    square: tuple[slice, slice],
    *,
    blend: float,
    limits: tuple[float, float],
    penalty: float,
    rounds: int,
    verbose: bool,
) -> Array:
    """Colours of a patch, (C, side, side), that make the classifier's neurons put out most.

    Each round moves all colours by one step in the direction of the gradient's sign, the first by a quarter of the
    range and each later one by less. Of all pictures, the first included, the one that gains most counts.

    Args:
        classifier: Trained classifier.
        x: Clean images, (N, C, H, W).
        first: Colours to begin with.
        square: Rows and columns of the patch.
        blend: Opacity of the patch.
        limits: Lowest and highest colour.
        penalty: Weight of changed answers.
        rounds: Number of gradients.
        verbose: Whether to show a progress bar.
    """
    activity = Activity(classifier, x, penalty)
    colours = torch.as_tensor(first).to(activity.x)
    best = -np.inf, colours
    for number in progress(range(rounds + 1), verbose=verbose, desc=task_or("sponge"), unit="round"):
        gain, slope = _slope(activity, colours, square, blend)
        if gain > best[0]:
            best = gain, colours
        step = (limits[1] - limits[0]) / 4 * (1 - number / (rounds + 1))
        colours = (colours + step * slope.sign()).clamp(*limits)
    found: Array = best[1].double().cpu().numpy()
    return found.clip(*limits)


def _slope(activity: Activity, colours: Tensor, square: tuple[slice, slice], blend: float) -> tuple[float, Tensor]:
    """What a patch gains, and the gradient of that by its colours."""
    gain, slope = 0.0, torch.zeros_like(colours)
    colours = colours.detach().requires_grad_(True)
    with activity.asked():
        for rows in activity.parts():
            triggered = activity.x[rows].clone()
            under = triggered[..., square[0], square[1]].clone()
            triggered[..., square[0], square[1]] = under * (1 - blend) + colours * blend
            part = activity.gain(triggered, rows)
            slope += torch.autograd.grad(part, colours)[0]
            gain += float(part.detach())
    return gain, slope

"""Training steps and evaluations of whole networks, in `SpikingModule` and in the loops written by hand."""

import copy
from collections.abc import Callable
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from art_snn.estimators.classification import SpikingModule
from art_snn.models import resnet18, small_cnn, vgg11
from tests.benchmarks.harness import OURS, Case, Contest
from tests.benchmarks.networks import (
    Build,
    ConvolutionsAlone,
    MultiStep,
    NorseBox,
    SingleStep,
    SnnTorchLeaky,
    liven,
)

CLASSES = 10
MULTI, SINGLE, SNNTORCH, NORSE = "spikingjelly, multi-step", "spikingjelly, single-step", "snnTorch", "norse"
LIMIT = "convolutions alone"


def images(*shape: int) -> Tensor:
    """Uniform pixels."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(0))


def frames(*shape: int) -> Tensor:
    """Sparse counts of events."""
    return torch.poisson(0.3 * torch.ones(shape), generator=torch.Generator().manual_seed(0))


def networks(build: Build, x: Tensor, timesteps: int | None, peers: tuple[str, ...]) -> dict[str, nn.Module]:
    """The same network with the same weights, in everybody's loop."""
    made: dict[str, nn.Module] = {
        OURS: SpikingModule(build(neuron="lif"), timesteps),
        MULTI: MultiStep(build(neuron="lif"), timesteps),
        SINGLE: SingleStep(build(neuron="lif"), timesteps),
        SNNTORCH: SingleStep(build(neuron=SnnTorchLeaky), timesteps),
        NORSE: SingleStep(build(neuron=NorseBox), timesteps),
        LIMIT: ConvolutionsAlone(build, timesteps),
    }
    liven(made[OURS], x)
    for model in made.values():
        model.net.load_state_dict(made[OURS].net.state_dict(), strict=False)
    return {name: model for name, model in made.items() if name in (OURS, LIMIT, *peers)}


def agree(made: dict[str, nn.Module], x: Tensor) -> None:
    """All who compute the same neuron evaluate to the same logits; snnTorch's resets a step later."""
    with torch.no_grad():
        logits = {name: copy.deepcopy(model).eval()(x) for name, model in made.items()}
    assert logits[OURS].std(0).min() > 0, "a silent network tells nothing"
    for name in logits.keys() - {SNNTORCH, LIMIT}:
        torch.testing.assert_close(logits[name], logits[OURS], rtol=1e-4, atol=1e-4)


def training(build: Build, x: Tensor, timesteps: int | None, peers: tuple[str, ...]) -> Contest:
    """A step of stochastic gradient descent."""
    made, labels = networks(build, x, timesteps, peers), torch.arange(len(x)) % CLASSES
    steps = {
        name: partial(_step, model, torch.optim.SGD(model.parameters(), lr=0.01), x, labels)
        for name, model in made.items()
    }

    def check() -> None:
        agree(made, x)
        ours, theirs = steps[OURS](), steps[MULTI]()
        assert abs(ours - theirs) <= 1e-5 * theirs, f"losses {ours} and {theirs}"
        weights = made[OURS].net.state_dict()
        for name, expected in made[MULTI].net.state_dict().items():
            torch.testing.assert_close(weights[name], expected, rtol=1e-4, atol=1e-5)

    return Contest(steps, check, LIMIT)


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, x: Tensor, labels: Tensor) -> float:
    loss = F.cross_entropy(model(x), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()


def evaluation(build: Build, x: Tensor, timesteps: int | None, peers: tuple[str, ...]) -> Contest:
    """Logits without gradients."""
    made = networks(build, x, timesteps, peers)
    contestants = {name: partial(_evaluate, model.eval(), x) for name, model in made.items()}
    return Contest(contestants, partial(agree, made, x), LIMIT)


@torch.no_grad()
def _evaluate(model: nn.Module, x: Tensor) -> Tensor:
    logits: Tensor = model(x)
    return logits


def _case(
    name: str,
    contest: Callable[..., Contest],
    build: Build,
    x: Tensor,
    targets: dict[str, float],
    peers: tuple[str, ...] = (MULTI,),
) -> Case:
    timesteps = 8 if x.ndim == 4 else None
    return Case(name, partial(contest, build, x, timesteps, peers), targets)


ALL = (MULTI, SINGLE, SNNTORCH, NORSE)
narrow = partial(vgg11, nb_classes=CLASSES, classifier="linear", width=0.25)
wide = partial(vgg11, nb_classes=CLASSES, classifier="linear")
residual = partial(resnet18, 3, CLASSES, width=0.25, stem_pool=False)
mnist_cnn = partial(small_cnn, 1, CLASSES)
rgb, grey, events = images(32, 3, 32, 32), images(64, 1, 28, 28), frames(8, 16, 2, 48, 48)

CASES = (
    _case(
        "train VGG11 x 0.25, T 8, batch 32",
        training,
        partial(narrow, 3),
        rgb,
        {MULTI: 0.65, SNNTORCH: 0.6, NORSE: 0.62},
        ALL,
    ),
    _case("train VGG11, T 8, batch 32", training, partial(wide, 3), rgb, {}),
    _case("train ResNet18 x 0.25, T 8, batch 16", training, residual, rgb[:16], {}),
    _case("train MNIST CNN, T 8, batch 64", training, mnist_cnn, grey, {MULTI: 0.55}),
    _case("train VGG11 x 0.25 on frames, T 16, batch 8", training, partial(narrow, 2), events, {MULTI: 0.75}),
    _case("evaluate VGG11 x 0.25, T 8, batch 32", evaluation, partial(narrow, 3), rgb, {MULTI: 0.5}, ALL),
    _case("evaluate VGG11, T 8, batch 32", evaluation, partial(wide, 3), rgb, {}),
    _case("evaluate VGG11 x 0.25 on frames, T 16, batch 8", evaluation, partial(narrow, 2), events, {MULTI: 0.6}),
)

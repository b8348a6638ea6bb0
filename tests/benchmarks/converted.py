"""A converted network over many time steps against spikingjelly's converter and the loop that it documents."""

import copy
import io
from contextlib import redirect_stderr
from functools import partial

import torch
from spikingjelly.activation_based import ann2snn, functional
from torch import Tensor, nn

from art_snn.conversion import convert
from art_snn.estimators.classification import SpikingModule
from art_snn.models import vgg11
from tests.benchmarks.harness import OURS, Case, Contest
from tests.benchmarks.loops import CLASSES, images
from tests.benchmarks.networks import liven

LOOP = "spikingjelly's loop"


def contest(batch_size: int, timesteps: int) -> Contest:
    """Summed outputs of VGG11 x 0.25, thresholds at the maxima of one batch, which both converters find."""
    ann = vgg11(3, CLASSES, width=0.25, pool="avg", classifier="linear")
    x = images(64, 3, 32, 32)
    liven(ann, x)
    ours = SpikingModule(convert(ann.eval(), x.numpy(), method="max"), timesteps, readout="sum").eval()
    recipe = ann2snn.RateCodingRecipe([(x,)], mode="Max")
    with redirect_stderr(io.StringIO()):  # its progress bar cannot be switched off
        theirs = ann2snn.Converter(recipe).convert(_of_torchs_layers(ann)).eval()
    batch = x[:batch_size]
    contestants = {
        OURS: partial(_no_grad, ours, batch),
        LOOP: partial(_documented_loop, theirs, batch, timesteps),
        f"the ANN {timesteps} times": partial(_documented_loop, ann, batch, timesteps),
    }

    def check() -> None:
        expected, outputs = contestants[LOOP](), contestants[OURS]()
        assert expected.std(0).min() > 0, "a silent network tells nothing"
        assert (outputs - expected).norm() < 0.01 * expected.norm()  # norms are folded with other roundings

    return Contest(contestants, check)


@torch.no_grad()
def _no_grad(model: nn.Module, x: Tensor) -> Tensor:
    outputs: Tensor = model(x)
    return outputs


@torch.no_grad()
def _documented_loop(net: nn.Module, x: Tensor, timesteps: int) -> Tensor:
    out = net(x)
    for _ in range(1, timesteps):
        out = out + net(x)
    functional.reset_net(net)
    return out


def _of_torchs_layers(ann: nn.Module) -> nn.Module:
    """spikingjelly's converter does not read its own layers, which are subclasses of torch's."""
    plain = copy.deepcopy(ann)
    for module in plain.modules():
        if type(module).__module__.startswith("spikingjelly"):
            module.__class__ = type(module).__mro__[1]
    return plain


CASES = (
    Case("converted VGG11 x 0.25, T 100, batch 4", partial(contest, 4, 100), {LOOP: 0.4}),
    Case("converted VGG11 x 0.25, T 400, batch 8", partial(contest, 8, 400)),
)

"""The peak memory of a training step, each contestant in a process of its own."""

import subprocess
import sys
from functools import partial

import torch

from art_snn.estimators.classification import SpikingModule
from art_snn.evaluations.resource_use import measured_cost
from art_snn.models import vgg11
from tests.benchmarks.harness import OURS, Case, Contest
from tests.benchmarks.loops import CLASSES, LIMIT, MULTI, _step, images
from tests.benchmarks.networks import ConvolutionsAlone, MultiStep

build = partial(vgg11, 3, CLASSES, classifier="linear", width=0.5)
MODELS = {
    OURS: lambda: SpikingModule(build(neuron="lif"), 8),
    MULTI: lambda: MultiStep(build(neuron="lif"), 8),
    LIMIT: lambda: ConvolutionsAlone(build, 8),
}


def peak(name: str) -> float:
    """What two training steps of a model take beyond the model and a first small step, in MB."""
    torch.set_num_threads(1)
    model, x = MODELS[name](), images(32, 3, 32, 32)
    optimizer, labels = torch.optim.SGD(model.parameters(), lr=0.01), torch.arange(32) % CLASSES
    _step(model, optimizer, x[:2], labels[:2])
    with measured_cost() as cost:
        for _ in range(2):
            _step(model, optimizer, x, labels)
    return cost.peak_memory / 1e6


def _peak_of_a_process(name: str) -> float:
    command = [sys.executable, "-m", "tests.benchmarks.memory", name]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


def contest() -> Contest:
    """VGG11 x 0.5, whose training is checked where it is timed."""
    return Contest({name: partial(_peak_of_a_process, name) for name in MODELS}, lambda: None, LIMIT, unit="MB")


CASES = (Case("peak memory of training VGG11 x 0.5, T 8, batch 32", contest, {MULTI: 0.65}),)

if __name__ == "__main__":
    print(peak(sys.argv[1]))

"""ART's evasion attacks run on spiking networks."""

import numpy as np
import pytest
from art.attacks.evasion import (
    AutoProjectedGradientDescent,
    BoundaryAttack,
    DeepFool,
    FastGradientMethod,
    HopSkipJump,
    ProjectedGradientDescent,
    SquareAttack,
)
from torch import nn

from art_snn._random import host_seed
from art_snn.estimators.classification import SpikingClassifier, SpikingModule
from tests.estimators.toys import BOTH, IMAGES, K, T, Y, classifier, samples, spiking_net

WHITE_BOX = {
    "FGM": lambda c: FastGradientMethod(c, eps=0.2),
    "PGD": lambda c: ProjectedGradientDescent(c, eps=0.2, max_iter=2, verbose=False),
    "AutoPGD": lambda c: AutoProjectedGradientDescent(c, eps=0.2, max_iter=2, nb_random_init=1, verbose=False),
    "DeepFool": lambda c: DeepFool(c, max_iter=2, verbose=False),
}
BLACK_BOX = {
    "HopSkipJump": lambda c: HopSkipJump(c, max_iter=1, max_eval=20, init_eval=5, init_size=5, verbose=False),
    "Boundary": lambda c: BoundaryAttack(c, targeted=False, max_iter=2, num_trial=2, init_size=5, verbose=False),
}


@pytest.mark.parametrize("attack", [*WHITE_BOX, *BLACK_BOX])
@BOTH
def test_evasion_attacks_run(shape: tuple[int, ...], attack: str) -> None:
    spiking, x = classifier(shape), samples(shape, n=3)
    with host_seed(0):
        adversarial = (WHITE_BOX | BLACK_BOX)[attack](spiking).generate(x, np.eye(K)[Y[:3]])
    assert adversarial.shape == x.shape
    assert np.isfinite(adversarial).all()
    if attack in WHITE_BOX:
        assert not np.array_equal(adversarial, x)


@pytest.mark.parametrize("shape", [IMAGES, (T * 2, 8, 8)], ids=["images", "folded frames"])
def test_the_square_attack_runs_on_images_and_folded_frames(shape: tuple[int, ...]) -> None:
    layout = None if shape == IMAGES else "N(TC)HW"
    module = SpikingModule(spiking_net(), T, input_layout=layout)
    spiking = SpikingClassifier(module, nn.CrossEntropyLoss(), shape, K, clip_values=(0.0, 1.0))
    x = samples(shape, n=3)
    with host_seed(0):
        adversarial = SquareAttack(spiking, eps=0.3, max_iter=3, verbose=False).generate(x, np.eye(K)[Y[:3]])
    assert not np.array_equal(adversarial, x)

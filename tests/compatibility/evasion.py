"""Cases of evasion attacks: each crafts a few examples."""

from collections.abc import Callable
from typing import Any

import art.attacks.evasion as attacks
import numpy as np

from tests.compatibility.checks import check_examples
from tests.compatibility.subjects import TARGET, Subject, with_probabilities

Case = Callable[[Subject], None]
N = 4

_SMALL_STEPS = {"eps": 0.3, "eps_step": 0.15, "max_iter": 2}
_SINKHORN = {"conjugate_sinkhorn_max_iter": 5, "projected_sinkhorn_max_iter": 5}
_SIMPLE_ZOO = {"use_resize": False, "use_importance": False, "binary_search_steps": 1, "initial_const": 100.0}
_TARGETED = {"eps": 0.5, "targeted": True}
_COMPOSITE = {"enabled_attack": (3, 5), "pgd_epsilon": (-0.5, 0.5), "max_iter": 1, "attack_order": "random"}
_AUTO = {**_SMALL_STEPS, "nb_random_init": 1}

# Attacks that craft examples of a classifier and of their settings alone
SETTINGS: dict[str, dict[str, Any]] = {
    "FastGradientMethod": {"eps": 0.3},
    "BasicIterativeMethod": _SMALL_STEPS,
    "MomentumIterativeMethod": _SMALL_STEPS,
    "ProjectedGradientDescent": _SMALL_STEPS,
    "ProjectedGradientDescentNumpy": _SMALL_STEPS,
    "ProjectedGradientDescentPyTorch": _SMALL_STEPS,
    "AutoProjectedGradientDescent": _AUTO,
    "AutoConjugateGradient": _AUTO,
    "RescalingAutoConjugateGradient": _AUTO,
    "AutoAttack": {"eps": 0.3, "eps_step": 0.1, "parallel_pool_size": 0},
    "BoundaryAttack": {"targeted": False, "max_iter": 3, "num_trial": 3, "sample_size": 5, "init_size": 20},
    "HopSkipJump": {"max_iter": 1, "max_eval": 20, "init_eval": 5, "init_size": 20},
    "SignOPTAttack": {"max_iter": 2, "num_trial": 5, "query_limit": 200, "targeted": False},
    "GeoDA": {"max_iter": 400, "bin_search_tol": 0.1},
    "CarliniL2Method": {"max_iter": 5, "binary_search_steps": 2, "initial_const": 100.0, "learning_rate": 0.2},
    "CarliniLInfMethod": {"max_iter": 20, "learning_rate": 1.0, "initial_const": 10.0, "decrease_factor": 0.5},
    "CarliniL0Method": {"max_iter": 5, "binary_search_steps": 2, "initial_const": 100.0, "learning_rate": 0.2},
    "DeepFool": {"max_iter": 5},
    "ElasticNet": {"max_iter": 3, "binary_search_steps": 2, "initial_const": 1.0, "learning_rate": 0.1},
    "NewtonFool": {"max_iter": 3, "eta": 0.1},
    "SaliencyMapMethod": {"theta": 0.5, "gamma": 0.1},
    "SquareAttack": {"max_iter": 20, "eps": 0.3},
    "ShadowAttack": {"nb_steps": 3},
    "SimBA": {"max_iter": 50, "epsilon": 0.5},
    "SpatialTransformation": {"max_translation": 10.0, "num_translations": 2, "max_rotation": 20.0, "num_rotations": 2},
    "ThresholdAttack": {"th": 100, "es": 0},
    "PixelAttack": {"th": 100, "es": 0},
    "UniversalPerturbation": {"attacker": "fgsm", "attacker_params": {"eps": 0.3}, "max_iter": 1, "eps": 0.5},
    "TargetedUniversalPerturbation": {"attacker": "fgsm", "attacker_params": _TARGETED, "max_iter": 2, "eps": 1.0},
    "VirtualAdversarialMethod": {"max_iter": 2, "eps": 0.5, "finite_diff": 0.5},
    "Wasserstein": {"regularization": 100, "max_iter": 10, "eps_step": 1.0, "eps": 5.0, **_SINKHORN},
    "ZooAttack": {"max_iter": 20, "nb_parallel": 128, "learning_rate": 0.5, "variable_h": 0.5, **_SIMPLE_ZOO},
    "CompositeAdversarialAttackPyTorch": _COMPOSITE,
}
_WITH_LABELS = ("TargetedUniversalPerturbation", "ShadowAttack", "CompositeAdversarialAttackPyTorch")
_NEEDS_PROBABILITIES = ("SimBA", "VirtualAdversarialMethod")
_ONE_AT_A_TIME = ("ShadowAttack",)


def _crafting(name: str) -> Case:
    def case(subject: Subject) -> None:
        kind = getattr(attacks, name)
        classifier = subject.trained()
        if name in _NEEDS_PROBABILITIES:
            with_probabilities(classifier)
        settings = dict(SETTINGS[name])
        if "verbose" in kind.attack_params:
            settings["verbose"] = False
        x = subject.x_test[: 1 if name in _ONE_AT_A_TIME else N]
        y = np.roll(subject.y_test[: len(x)], 1, axis=1)
        labels = {"y": y} if name in _WITH_LABELS else {}
        check_examples(subject, x, kind(classifier, **settings).generate(x, **labels))

    return case


def _brendel_bethge(subject: Subject) -> None:
    x = subject.x_test[:2]
    attack = attacks.BrendelBethgeAttack(subject.trained(), norm=2, targeted=False, steps=2, init_size=100)
    check_examples(subject, x, attack.generate(x, subject.y_test[:2]))


def _frame_saliency(subject: Subject) -> None:
    classifier, x = subject.trained(), subject.x_test[:2]
    crafted = attacks.FastGradientMethod(classifier, eps=0.5)
    check_examples(subject, x, attacks.FrameSaliencyAttack(classifier, crafted, "one_shot").generate(x))


def _features_numpy(subject: Subject) -> None:
    x = subject.x_test
    attack = attacks.FeatureAdversariesNumpy(subject.trained(), layer=0, delta=0.3)
    check_examples(subject, x[:1], attack.generate(x[:1], x[1:2]))


def _features_pytorch(subject: Subject) -> None:
    x = subject.x_test
    settings = {"layer": 0, "delta": 0.3, "max_iter": 2, "step_size": 0.1, "random_start": True, "verbose": False}
    attack = attacks.FeatureAdversariesPyTorch(subject.trained(), **settings)
    check_examples(subject, x[:2], attack.generate(x[:2], x[2:4]))


def _patch(kind: type[Any], **settings: Any) -> Case:
    def case(subject: Subject) -> None:
        channels, side = subject.shape[-3], subject.shape[-1]
        shape = {"patch_shape": (channels, side, side)} if kind is not attacks.AdversarialPatchNumpy else {}
        attack = kind(subject.trained(), max_iter=2, batch_size=4, verbose=False, scale_min=0.3, scale_max=0.5, **shape)
        x = subject.x_test[:N]
        attack.generate(x, np.eye(10, dtype=np.float32)[[TARGET] * N])
        check_examples(subject, x, attack.apply_patch(x, scale=0.4, **settings))

    return case


CASES: dict[str, Case] = {
    **{name: _crafting(name) for name in SETTINGS},
    "BrendelBethgeAttack": _brendel_bethge,
    "FrameSaliencyAttack": _frame_saliency,
    "FeatureAdversariesNumpy": _features_numpy,
    "FeatureAdversariesPyTorch": _features_pytorch,
    "AdversarialPatch": _patch(attacks.AdversarialPatch),
    "AdversarialPatchNumpy": _patch(attacks.AdversarialPatchNumpy),
    "AdversarialPatchPyTorch": _patch(attacks.AdversarialPatchPyTorch),
}

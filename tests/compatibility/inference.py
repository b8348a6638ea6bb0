"""Cases of extraction and inference attacks."""

from collections.abc import Callable

import numpy as np
from art.attacks.extraction import CopycatCNN, KnockoffNets
from art.attacks.inference import membership_inference as membership
from art.attacks.inference.model_inversion import MIFace

from tests.compatibility.checks import check_examples, check_learnt
from tests.compatibility.subjects import K, Subject

Case = Callable[[Subject], None]
N = 40
_DISTANCES = {"norm": 2, "max_iter": 1, "max_eval": 10, "init_eval": 5, "init_size": 20, "verbose": False}


def _copycat(subject: Subject) -> None:
    attack = CopycatCNN(subject.trained(), batch_size_fit=32, batch_size_query=64, nb_epochs=6, nb_stolen=300)
    check_learnt(subject, attack.extract(subject.x, thieved_classifier=subject.make()))


def _knockoff(subject: Subject) -> None:
    settings = {"batch_size_fit": 32, "batch_size_query": 64, "nb_epochs": 6, "nb_stolen": 300}
    attack = KnockoffNets(subject.trained(), sampling_strategy="random", verbose=False, **settings)
    check_learnt(subject, attack.extract(subject.x, subject.y, thieved_classifier=subject.make()))


def check_membership(inferred: np.ndarray, n: int) -> None:
    """One answer a sample, yes or no."""
    assert np.size(inferred) == n, f"{np.shape(inferred)} answers for {n} samples"
    assert set(np.unique(inferred)) <= {0, 1}, "answers are neither yes nor no"


def _black_box(subject: Subject) -> None:
    attack = membership.MembershipInferenceBlackBox(subject.trained(), attack_model_type="rf")
    attack.fit(subject.x[:N], subject.y[:N], subject.x_test[:N], subject.y_test[:N])
    check_membership(attack.infer(subject.x[N : 2 * N], subject.y[N : 2 * N]), N)


def _rule_based(subject: Subject) -> None:
    attack = membership.MembershipInferenceBlackBoxRuleBased(subject.trained())
    check_membership(attack.infer(subject.x[:N], subject.y[:N]), N)


def _label_only(subject: Subject) -> None:
    attack = membership.LabelOnlyDecisionBoundary(subject.trained())
    known = subject.x[:3], subject.y[:3], subject.x_test[:3], subject.y_test[:3]
    attack.calibrate_distance_threshold(*known, **_DISTANCES)
    check_membership(attack.infer(subject.x[3:6], subject.y[3:6], **_DISTANCES), 3)


def _shadow_models(subject: Subject) -> None:
    shadows = membership.ShadowModels(subject.trained(), num_shadow_models=2, random_state=0)
    members, others = shadows.generate_shadow_dataset(subject.x[:80], subject.y[:80])
    assert members[0].shape[1:] == others[0].shape[1:] == subject.shape
    first, second = shadows.get_shadow_models()
    assert first is not second


def _mi_face(subject: Subject) -> None:
    x = np.full((3, *subject.shape), 0.5, np.float32)
    attack = MIFace(subject.trained(), max_iter=5, threshold=1.0, learning_rate=0.5, verbose=False)
    check_examples(subject, x, np.clip(attack.infer(x, np.eye(K, dtype=np.float32)[:3]), *subject.clip_values))


CASES: dict[str, Case] = {
    "CopycatCNN": _copycat,
    "KnockoffNets": _knockoff,
    "MembershipInferenceBlackBox": _black_box,
    "MembershipInferenceBlackBoxRuleBased": _rule_based,
    "LabelOnlyGapAttack": _rule_based,
    "LabelOnlyDecisionBoundary": _label_only,
    "ShadowModels": _shadow_models,
    "MIFace": _mi_face,
}

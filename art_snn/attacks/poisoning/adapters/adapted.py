"""Find the adapter of one of ART's attacks."""

from typing import Any

from art.attacks import Attack
from art.attacks.poisoning import (
    BullseyePolytopeAttackPyTorch,
    GradientMatchingAttack,
    HiddenTriggerBackdoor,
    PoisoningAttackCleanLabelBackdoor,
    SleeperAgentAttack,
)

from art_snn.attacks.poisoning.adapters.adapter import Adapter
from art_snn.attacks.poisoning.adapters.of_classes import CleanLabelAdapter, HiddenTriggerAdapter, SleeperAgentAdapter
from art_snn.attacks.poisoning.adapters.of_instances import BullseyeAdapter, GradientMatchingAdapter

_ADAPTERS: dict[type[Attack], type[Adapter]] = {
    PoisoningAttackCleanLabelBackdoor: CleanLabelAdapter,
    HiddenTriggerBackdoor: HiddenTriggerAdapter,
    SleeperAgentAttack: SleeperAgentAdapter,  # before the class that it inherits from
    GradientMatchingAttack: GradientMatchingAdapter,
    BullseyePolytopeAttackPyTorch: BullseyeAdapter,
}


def adapted(attack: Attack, **settings: Any) -> Adapter:
    """One of ART's poisoning attacks as `BackdoorEvaluation` takes it.

    The attack crafts its samples on its own classifier, once for all classifiers that are evaluated. No label changes.
    `poison_dataset` says which rows it changed; `trigger_test` shows test samples as the attacker does. For
    `PoisoningAttackCleanLabelBackdoor` samples of all classes but the target count for success, for
    `HiddenTriggerBackdoor` and `SleeperAgentAttack` those of the source class, for `GradientMatchingAttack` and
    `BullseyePolytopeAttackPyTorch` the given samples.

    Args:
        attack: One of these five.
        **settings: `seed` for each; `n_triggers` for the sleeper agent, how many source samples it learns from;
            `target_class` and `given`, samples (M, ...), for gradient matching; `target_class` and `percent_poison`
            for the bullseye polytope.

    Raises:
        TypeError: If the attack is another, or settings are missing or unknown.
        ValueError: If a setting is out of range.
    """
    for kind, adapter in _ADAPTERS.items():
        if isinstance(attack, kind):
            return adapter(attack, **settings)
    names = ", ".join(kind.__name__ for kind in _ADAPTERS)
    raise TypeError(f"expected an attack of ART's, one of {names}, got {attack!r}")

"""Laws that every trigger, attack, classifier, detector and metric must obey: call them on your own, too.

Each law is a function that raises AssertionError where the object breaks it.
"""

from art_snn.testing.attacks import (
    check_attack_is_arts,
    check_attack_keeps_rows,
    check_attack_labels,
    check_attack_leaves_data_alone,
    check_attack_params,
    check_attack_rejects_unknown,
    check_attack_repeats_itself,
)
from art_snn.testing.classifiers import (
    check_answers_alike_twice,
    check_fit_follows_the_seed,
    check_follows_the_order,
    check_ignores_batch_size,
    check_restores_the_mode,
    check_tells_samples_apart,
)
from art_snn.testing.metrics import (
    check_metric_equals_loop,
    check_metric_ignores_order,
    check_metric_is_nan,
    check_metric_refuses,
    check_metric_within,
)
from art_snn.testing.streams import check_global_streams_stand_still
from art_snn.testing.triggers import (
    check_trigger_agrees_on_events,
    check_trigger_changes_nothing,
    check_trigger_changes_something,
    check_trigger_is_a_value,
    check_trigger_keeps_shape_and_dtype,
    check_trigger_leaves_input_alone,
    check_trigger_rejects_axes,
    check_trigger_rejects_sizes,
    check_trigger_repeats_itself,
    check_trigger_stays_within,
    check_trigger_treats_samples_alone,
)

__all__ = [
    "check_answers_alike_twice",
    "check_attack_is_arts",
    "check_attack_keeps_rows",
    "check_attack_labels",
    "check_attack_leaves_data_alone",
    "check_attack_params",
    "check_attack_rejects_unknown",
    "check_attack_repeats_itself",
    "check_fit_follows_the_seed",
    "check_follows_the_order",
    "check_global_streams_stand_still",
    "check_ignores_batch_size",
    "check_metric_equals_loop",
    "check_metric_ignores_order",
    "check_metric_is_nan",
    "check_metric_refuses",
    "check_metric_within",
    "check_restores_the_mode",
    "check_tells_samples_apart",
    "check_trigger_agrees_on_events",
    "check_trigger_changes_nothing",
    "check_trigger_changes_something",
    "check_trigger_is_a_value",
    "check_trigger_keeps_shape_and_dtype",
    "check_trigger_leaves_input_alone",
    "check_trigger_rejects_axes",
    "check_trigger_rejects_sizes",
    "check_trigger_repeats_itself",
    "check_trigger_stays_within",
    "check_trigger_treats_samples_alone",
]

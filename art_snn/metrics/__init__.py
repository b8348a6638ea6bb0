"""Measurements: pure functions from labels, predictions and samples to a number."""

from art_snn.metrics.accuracy import accuracy, clean_accuracy_drop
from art_snn.metrics.attack_success import attack_success_rate, counts_for_success, robust_accuracy
from art_snn.metrics.defence_ratings import defence_effectiveness_rating, robust_improvement_rating
from art_snn.metrics.detection import auroc, fpr_at_tpr, roc_points
from art_snn.metrics.energy import energy_pj, synops
from art_snn.metrics.event_distance import event_changes, event_distance
from art_snn.metrics.migration import migration_rate
from art_snn.metrics.recordable import recordable_rate
from art_snn.metrics.similarity import mse, psnr, ssim
from art_snn.metrics.spike_trains import bin_shift, van_rossum_distance
from art_snn.metrics.statistics import (
    Difference,
    Summary,
    corrected,
    paired_difference,
    share_of_verdicts,
    summary,
    wilson_interval,
)
from art_snn.metrics.stealth import Stealth, stealth

__all__ = [
    "Difference",
    "Stealth",
    "Summary",
    "accuracy",
    "attack_success_rate",
    "auroc",
    "bin_shift",
    "clean_accuracy_drop",
    "corrected",
    "counts_for_success",
    "defence_effectiveness_rating",
    "energy_pj",
    "event_changes",
    "event_distance",
    "fpr_at_tpr",
    "migration_rate",
    "mse",
    "paired_difference",
    "psnr",
    "recordable_rate",
    "robust_accuracy",
    "robust_improvement_rating",
    "roc_points",
    "share_of_verdicts",
    "ssim",
    "stealth",
    "summary",
    "synops",
    "van_rossum_distance",
    "wilson_interval",
]

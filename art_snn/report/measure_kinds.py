"""Kinds of tables of what else was measured in cells: over time, by onset and length, stealth, cost."""

import math

import pandas as pd

from art_snn.evaluations.operations import ENERGY_CAVEAT
from art_snn.report.pooling import Pooled, Quantity
from art_snn.report.table_kinds import FIGURES, SUCCESS, Kind, Tables, megabytes, plain, three_digits

_SUCCESS = {name: FIGURES[name] for name in ("asr", "floor")}
_OVER_TIME = {
    "accuracy_clean": Quantity("accuracy of the clean twin", "clean test samples", "n", is_derived=False),
    "accuracy": Quantity("accuracy", "clean test samples, of the backdoored model", "n", is_derived=False),
    **_SUCCESS,
}
_EPOCHS = {
    "accuracy": Quantity("accuracy", "clean test samples, of the backdoored model", "n", is_derived=False),
    "asr": Quantity("ASR", SUCCESS, "n_asr", is_derived=False),
}
_STEALTH = {
    "is_unchanged": Quantity("unchanged", "samples that the trigger leaves as they are", "n", is_derived=False),
    "mse": plain("MSE", "mean squared difference of all elements"),
    "psnr": plain("PSNR", "peak signal-to-noise ratio of a frame that changed, decibel; the peak is the pair's own"),
    "ssim": plain("SSIM", "structural similarity, at the data range of each pair of samples", "{:.3f}".format),
    "ssim_unit": plain("SSIM (1)", "the same at the data range 1", "{:.3f}".format),
    "linf": plain("L∞", "largest difference of an element"),
    "changed": plain("changed", "share of elements that changed"),
    "added": plain("added", "sum by which elements rise: of frames the events added"),
    "removed": plain("removed", "sum by which elements fall: of frames the events removed"),
    "bin_shift": plain("shift (bins)", "earth mover's distance in time within a pixel and polarity, an event"),
    "van_rossum": plain("van Rossum", "distance of the spike trains at a time constant of 1 bin"),
    "recordable": Quantity("recordable", "samples of whole counts from 0 up", "n", is_derived=False),
    "event_edits": plain("edits", "events inserted or deleted"),
    "event_count": plain("count", "difference of the numbers of events"),
    "event_time": plain("time", "earth mover's distance of the timestamps, µs"),
    "event_shift": plain("shift (µs)", "the same within a pixel and polarity, an event"),
}
_COST = {
    "training_seconds_clean": plain("training, clean (s)", "without measurements"),
    "training_seconds_poisoned": plain("training, poisoned (s)", "without measurements"),
    "training_peak_memory_poisoned": plain("training (MB)", "growth of memory at most, poisoned", megabytes),
    "attack_seconds": plain("attack (s)", "time to poison the training set"),
    "spikes": plain("spikes", "of all neurons, a clean sample"),
    "effective_acs": plain("ACs", "accumulates of layers with weights, a clean sample; inputs of 0 cost none"),
    "effective_macs": plain("MACs", "multiply-accumulates, likewise"),
    "activation_sparsity": plain("sparsity", "share of outputs of neurons and activations that are 0"),
    "energy_pj": plain("energy (nJ)", "of these operations, a clean sample", lambda pj: three_digits(pj / 1000)),
    "spikes_ratio": plain("spikes ×", "triggered : clean"),
    "operations_ratio": plain("operations ×", "triggered : clean, of ACs and MACs together"),
    "energy_ratio": plain("energy ×", "triggered : clean"),
    "twin_spikes_ratio": plain("twin, spikes ×", "triggered : clean, of the model trained on clean data"),
    "twin_operations_ratio": plain("twin, operations ×", "triggered : clean, of that model"),
    "twin_energy_ratio": plain("twin, energy ×", "triggered : clean, of that model"),
    "twin_kept": Quantity(
        "twin, classes kept", "samples whose class stays with the trigger", "n_samples", is_derived=False
    ),
    "seconds_ratio": plain("time ×", "triggered : clean, of classifying on this machine, which computes zeros, too"),
    "n_unknown": plain("layers left out", "layers with weights whose operations are unknown and in no figure"),
}
_LAYERS = {
    "accumulates": plain("ACs", "accumulates, a clean sample; inputs of 0 cost none"),
    "multiplies": plain("MACs", "multiply-accumulates, a clean sample"),
    "dense": plain("dense", "operations that do not skip zeros, a clean sample"),
    "n_nonzero": plain("outputs not 0", "of neurons the spikes, a clean sample"),
    "n_outputs": plain("outputs", "of neurons or activations over all time steps, a clean sample"),
    "membrane_updates": plain("membrane updates", "a clean sample"),
}
_VOLTAGES = {
    "separation.backdoored.auroc": plain(
        "AUROC", "chance that a triggered sample scores higher than a clean one; 0.5 is guessing", "{:.3f}".format
    ),
    "separation.backdoored.tpr": plain(
        "TPR", "triggered samples above a limit that 5 % of other clean samples exceed", "{:.3f}".format
    ),
    "separation.backdoored.fpr": plain("FPR", "clean samples above it, the false alarms", "{:.3f}".format),
    "separation.twin.auroc": plain(
        "AUROC of the twin", "the same of the clean twin: a trigger changes the input, too", "{:.3f}".format
    ),
    "separation.twin.tpr": plain("TPR of the twin", "", "{:.3f}".format),
    "separation.twin.fpr": plain("FPR of the twin", "", "{:.3f}".format),
    "distance.clean": plain(
        "distance, clean", "Kolmogorov-Smirnov statistic of the model and its twin on clean samples", "{:.3f}".format
    ),
    "distance.triggered": plain("distance, triggered", "the same on triggered samples", "{:.3f}".format),
}
_THRESHOLDS = {
    "backdoored.clean": plain("clean", "threshold of the backdoored model by clean samples"),
    "backdoored.poisoned": plain("poisoned", "the same by poisoned ones"),
    "backdoored.shift": plain("shift (%)", "how much higher the second is"),
    "twin.clean": plain("twin, clean", "the same three of the clean twin"),
    "twin.poisoned": plain("twin, poisoned"),
    "twin.shift": plain("twin, shift (%)"),
}
_LAST_AND_BEST = {
    "last.accuracy": Quantity(
        "accuracy, last epoch", "clean test samples, of the backdoored model", "n", is_derived=False
    ),
    "last.asr": Quantity("ASR, last epoch", SUCCESS, "n_asr", is_derived=False),
    "best.epoch": plain(
        "epoch kept", "the first of those with the highest accuracy on test samples, of a hybrid model's SNN"
    ),
    "best.accuracy": Quantity("accuracy, epoch kept", "", "n", is_derived=False),
    "best.asr": Quantity("ASR, epoch kept", "", "n_asr", is_derived=False),
}
_BY_TEST_DATA = (
    "An epoch chosen by test samples looks better than it is; nothing else in this report is of such an epoch."
)


def _changed(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    """With the share of unchanged samples; a line of all models where others are of one that has its own trigger."""
    lines = lines.assign(model=lines["model"].fillna("all")) if "model" in lines else lines
    return lines.assign(is_unchanged=lines["n_unchanged"] / lines["n"])


def _paid(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    """With the number of layers that were not counted, where there are any."""
    return lines.assign(n_unknown=lines["n_not_counted"].where(lines["n_not_counted"] > 0))


def _last_and_best(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    """A line a cell and model: the last epoch of its last step, and the epoch of that step best on test samples."""
    lines = lines[lines["step"].notna()]
    if lines.empty:
        return lines
    steps = lines.groupby(["cell", "model"], sort=False)["step"]
    lines = lines[lines["step"] == steps.transform("last")]
    by_model = lines.groupby(["cell", "model"], sort=False)
    best = by_model["accuracy"].transform(lambda figures: figures.fillna(-1).idxmax())
    last = lines.loc[by_model["epoch"].idxmax()]
    found = lines.loc[best.loc[last.index]]
    parts = {f"best.{name}": found[name].to_numpy() for name in ("epoch", "accuracy", "asr")}
    return last.assign(**parts, **{f"last.{name}": last[name] for name in ("accuracy", "asr")})


def _shifted(lines: pd.DataFrame, _: Tables) -> pd.DataFrame:
    """With the change that poisoned calibration makes, in percent of the clean threshold."""
    shifts = {
        f"{model}.shift": 100 * (lines[f"{model}.poisoned"] / lines[f"{model}.clean"].replace(0, math.nan) - 1)
        for model in ("backdoored", "twin")
    }
    return lines.assign(**shifts)


def _matrix(found: Pooled) -> pd.DataFrame:
    """A line a figure and first time bin, a column a length."""
    lines = dict[tuple[str, ...], dict[str, str]]()
    for line in found.shown().to_dict("records"):
        length, figures = line.pop("length"), {one.heading: line.pop(one.heading) for one in found.quantities.values()}
        for heading, figure in figures.items():
            key = {**line, "figure": heading, "onset": line["onset"]}
            lines.setdefault(tuple(key.values()), key)[f"length {length}"] = figure
    return pd.DataFrame(list(lines.values()))


def _not_shown(_: Pooled) -> pd.DataFrame:
    """Too many lines for people: for plots and CSV."""
    return pd.DataFrame()


MEASURE_KINDS = {
    "over_time": Kind("Accuracy and ASR after T time steps", ("model", "timesteps"), _OVER_TIME),
    "onset_length": Kind(
        "ASR by the trigger's first time bin (onset) and its length in bins",
        ("model", "onset", "length"),
        _SUCCESS,
        shown=_matrix,
    ),
    "stealth": Kind("How far triggered samples are from clean ones", ("model",), _STEALTH, prepared=_changed),
    "cost": Kind("What training, attack and classifying cost", ("model",), _COST, (ENERGY_CAVEAT,), prepared=_paid),
    "layers": Kind("Operations by layer", ("model", "layer"), _LAYERS, shown=_not_shown),
    "last_and_best": Kind(
        "The last epoch beside the one that a choice by test samples would keep",
        ("model",),
        _LAST_AND_BEST,
        (_BY_TEST_DATA,),
        source="epochs",
        prepared=_last_and_best,
    ),
    "epochs": Kind("Accuracy and ASR after each epoch", ("model", "epoch"), _EPOCHS, shown=_not_shown),
    "voltages": Kind("Triggered told from clean samples by voltages of the last spiking layer", ("model",), _VOLTAGES),
    "thresholds": Kind(
        "Thresholds by clean and by poisoned calibration", ("model", "layer"), _THRESHOLDS, prepared=_shifted
    ),
}

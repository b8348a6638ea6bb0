"""Evidence as cells keep it, for tests of what is drawn of it."""

from typing import Any


def _trace(height: float, raster: list[list[int]]) -> dict[str, Any]:
    steps = [height, 2 * height, 3 * height, 4 * height]
    return {
        "voltage": steps,
        "voltage_sd": [0.1] * 4,
        "spikes": [0.0, 0.25, 0.5, 0.25],
        "spikes_sd": [0.1] * 4,
        "raster": raster,
    }


VOLTAGES: dict[str, Any] = {
    "layer": "net.6",
    "n_neurons": 64,
    "neurons": [7, 3],
    "timesteps": [1, 2, 3, 4],
    "n_timesteps": 4,
    "traces": {
        "backdoored": {"clean": _trace(0.1, [[], [2]]), "triggered": _trace(0.5, [[1, 2, 3], [4]])},
        "twin": {"clean": _trace(0.1, [[], [2]]), "triggered": _trace(0.2, [[], []])},
    },
    "separation": {
        "backdoored": {"auroc": 0.98, "tpr": 0.9, "fpr": 0.06, "n": 50},
        "twin": {"auroc": None, "tpr": None, "fpr": None, "n": 50},
    },
    "distance": {"clean": 0.25, "triggered": 0.75},
}
ROC: dict[str, Any] = {
    f"detector {number}": {
        "fpr": [0.0, 0.0, 0.01, 1.0],
        "tpr": [0.0, 0.5, 0.75, 1.0],
        "own_fpr": 0.01,
        "own_tpr": 0.75,
        "auroc": 0.87,
        "n_clean": 100,
    }
    for number in range(7)
}
THRESHOLDS: dict[str, Any] = {
    "1": {"backdoored": {"clean": 2.0, "poisoned": 3.0}, "twin": {"clean": 2.0, "poisoned": 2.0}},
    "4": {"backdoored": {"clean": 4.0, "poisoned": 3.0}, "twin": {"clean": None, "poisoned": None}},
}
EVIDENCE: dict[str, Any] = {"roc": ROC, "voltages": VOLTAGES, "thresholds": THRESHOLDS}

"""A sweep of four cells of two models on a few digits, and data to put in place of these."""

from art_snn.data import Dataset
from tests.backdoored import bars

SMALL = {
    "data": {"name": "digits", "limit": 60},
    "network": {"width": 0.25},
    "models": ["ann", {"rule": "lif", "timesteps": 2}],
    "training": {"epochs": 1},
    "run": {"seeds": [0, 1]},
    "grid": {"attack.percent_poison": [0.1, 0.2]},
}
BARS = Dataset(*bars(), *bars(80, seed=1), classes=tuple("abcd"), clip_values=(0.0, 1.0), title="bars")

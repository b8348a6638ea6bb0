"""Many cells from one spec: on one core, on several or on a cluster; what is there already is not computed again."""

from art_snn.sweep.frame import load_results, load_tables
from art_snn.sweep.sweep import Sweep

__all__ = ["Sweep", "load_results", "load_tables"]

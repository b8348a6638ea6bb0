"""Where cells are computed: in this process, in several on this machine, or on a cluster."""

from art_snn._workers.cluster import on_cluster
from art_snn._workers.processes import in_processes, warm_up
from art_snn._workers.tasks import LOST, Compute, Failed, Outcome, Task, Tasks, Watch, in_turn

__all__ = [
    "LOST",
    "Compute",
    "Failed",
    "Outcome",
    "Task",
    "Tasks",
    "Watch",
    "in_processes",
    "in_turn",
    "on_cluster",
    "warm_up",
]

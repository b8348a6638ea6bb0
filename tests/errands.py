"""What a process does in a test of processes; quickly loaded there."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from art_snn._workers import Task


def told(task: Task, says: Callable[[str], None]) -> dict[str, Any]:
    """A cell that does what its spec says, in any process."""
    says("at work")
    marker = Path(task.folder) / task.name
    if task.spec.get("raises"):
        raise ValueError("no\n good")
    if task.spec.get("dies") == "always" or (task.spec.get("dies") == "once" and not marker.exists()):
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"hash": task.name}


def task_of(name: str, spec: dict[str, Any] | None = None) -> Task:
    """A cell by its name, of no folder."""
    return Task(name, spec or {}, "")

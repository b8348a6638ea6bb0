"""What tells the cells of a sweep from each other, in words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from art_snn.experiment.spec import Experiment


def label_cells(cells: Sequence[Experiment]) -> list[str]:
    """What tells each cell from the others, in words."""
    tables = [dict(_leaves(cell.model_dump(mode="json"))) for cell in cells]
    differing = [path for path in dict.fromkeys(path for table in tables for path in table) if _differs(path, tables)]
    labels = []
    for table in tables:
        parts = [
            f"{path.rpartition('.')[2]}={table[path]}" for path in differing if path in table and path != "run.seeds"
        ]
        labels.append(", ".join([*parts, f"seed={table['run.seeds'][0]}"]))
    return labels


def _differs(path: str, tables: Sequence[Mapping[str, Any]]) -> bool:
    return len({repr(table.get(path)) for table in tables}) > 1


def _leaves(table: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{above}{name}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            yield from _leaves({str(number): one for number, one in enumerate(value)}, f"{above}{name}.")
        else:
            yield f"{above}{name}", value

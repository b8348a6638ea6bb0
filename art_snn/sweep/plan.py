"""What there is to do in a folder: which cells are there, which are missing, and of which the data cannot be read."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Self

from art_snn._workers import Failed
from art_snn.experiment.cell import checksum_of_data, forget_data, name_of
from art_snn.experiment.spec import Experiment
from art_snn.sweep.folder import SweepFolder


@dataclass
class Plan:
    """The cells of a sweep by their names.

    Args:
        cells: All cells.
        missing: The names of those to compute, each with what is there of it: None, or its error.
        unreadable: The names of those whose data cannot be read, each with the reason.
        outdated: Names under which the same was written of cells whose data can be read by now.
    """

    cells: dict[str, Experiment] = field(default_factory=dict)
    missing: dict[str, dict[str, Any] | None] = field(default_factory=dict)
    unreadable: dict[str, Failed] = field(default_factory=dict)
    outdated: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, cells: Iterable[Experiment], folder: SweepFolder, retry_failed: bool) -> Self:
        """Look at data and folder.

        Args:
            cells: All cells.
            folder: Where they are kept.
            retry_failed: Whether a cell that failed is missing.
        """
        plan = cls()
        forget_data()
        for cell in cells:
            try:
                name = name_of(cell, checksum_of_data(cell))
            except Exception as error:
                name = name_of(cell, None)
                plan.unreadable[name] = Failed.by(error)
            else:
                plan.outdated.append(name_of(cell, None))
                if is_missing(found := folder.read(name), retry_failed):
                    plan.missing[name] = found
            plan.cells[name] = cell
        return plan

    def spec_of(self, name: str) -> dict[str, Any]:
        """A cell as plain tables."""
        return self.cells[name].model_dump(mode="json")


def is_missing(content: dict[str, Any] | None, retry_failed: bool) -> bool:
    """Whether a cell is to be computed.

    Args:
        content: What is there of it.
        retry_failed: Whether an error is as good as nothing.
    """
    return content is None or (retry_failed and "error" in content)

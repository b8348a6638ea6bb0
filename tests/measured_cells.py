"""Cells of sweeps as if they had been computed, with everything that a cell can hold."""

from collections.abc import Mapping
from typing import Any

from art_snn.recipes import RecipeRun
from art_snn.report.findings import Findings, Spec
from art_snn.sweep import Sweep
from art_snn.sweep.frame import TABLES, frame

ROW = {
    "accuracy_clean": 0.9,
    "accuracy": 0.8,
    "asr": 0.9,
    "floor": 0.1,
    "robust_accuracy": 0.05,
    "n_asr": 100,
    "n_asr_all": 100,
    "seconds": 5.0,
    "training_seconds": [2.0, 3.0],
    "epochs": [],
    "doubts": [],
}
ENVIRONMENT = {
    "versions": {"python": "3.11.7", "torch": "2.13.0", "results": "3"},
    "threads": 1,
    "processor": "A processor",
    "processors": 2,
    "gpu": None,
    "platform": "Linux",
}


def cells(
    spec: Mapping[str, Any], measures: Mapping[str, Any] | None = None, defence: bool = False, **rows: Any
) -> list[dict[str, Any]]:
    """One a point and seed, the same for all models.

    Args:
        spec: The sweep.
        measures: What was measured of each model beside accuracy and success, by name.
        defence: Whether a detector and an elimination were set on the models.
        **rows: Figures by name: one value, or a list over cells.
    """
    made = []
    for number, cell in enumerate(Sweep(spec).cells):
        plain = cell.model_dump(mode="json")
        models = [model["name"] for model in plain["models"]]
        own = {name: value[number] if isinstance(value, list) else value for name, value in rows.items()}
        content = {
            "hash": f"cell{number}",
            "title": "Digits of ten people",
            "spec": plain,
            "rows": [{"model": model, **ROW, **own} for model in models],
            "measures": {name: dict.fromkeys(models, value) for name, value in (measures or {}).items()},
            "environment": ENVIRONMENT,
        }
        made.append({**content, **(_defended(models) if defence else {})})
    return made


def _defended(models: list[str]) -> dict[str, Any]:
    detection = {"defence": "strip", "auroc": 0.75, "fpr_at_95_tpr": 0.5, "false_alarm_rate": 0.02, "doubts": []}
    elimination = {"defence": "fine-tuning", "asr_after": 0.25, "accuracy_after": 0.7, "doubts": []}
    return {
        "detection": [{"model": model, **detection} for model in models],
        "elimination": [{"model": model, **elimination} for model in models],
    }


def findings(content: list[dict[str, Any]], spec: Spec | None = None, run: RecipeRun | None = None) -> Findings:
    """What these cells hold."""
    return Findings(content, {table: frame(content, table) for table in TABLES}, spec or Spec(), run)


def renamed(content: Any, names: Mapping[str, str]) -> Any:
    """The same cells with other names of models, wherever these stand."""
    if isinstance(content, list):
        return [renamed(one, names) for one in content]
    if not isinstance(content, dict):
        return content
    is_model = content.keys() >= {"rule", "name"}
    return {
        names.get(key, key): names.get(value, value)
        if key == "model" or (key == "name" and is_model)
        else renamed(value, names)
        for key, value in content.items()
    }

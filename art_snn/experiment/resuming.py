"""Results that were kept before: what determines them, and how they come back."""

import hashlib
import json
import math
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import TypeAdapter, ValidationError

from art_snn.data import Dataset
from art_snn.evaluations import BackdoorResult, DetectionResult, EliminationResult, Failure, ModelDetectionResult
from art_snn.experiment.defended import Defended
from art_snn.experiment.result import Examples, Result, computing_versions
from art_snn.experiment.spec import Experiment
from art_snn.typing import Array

T = TypeVar("T")


def identity(spec: Experiment, **settings: Any) -> dict[str, Any]:
    """Everything that determines the numbers of an experiment, but for the content of its data; of plain types only.

    Args:
        spec: The experiment.
        **settings: What else does, such as the names of defences.
    """
    plain: dict[str, Any] = json.loads(json.dumps(settings))
    return {"spec": determining(spec), "versions": computing_versions(), **plain}


def determining(spec: Experiment) -> dict[str, Any]:
    """A spec without what does not decide any number: where the data lie."""
    plain = spec.model_dump(mode="json")
    del plain["data"]["root"]
    return plain


def checksum(dataset: Dataset) -> str:
    """Of all samples and labels of both splits."""
    return checksum_of((dataset.x_train, dataset.y_train, dataset.x_test, dataset.y_test))


def checksum_of(arrays: Iterable[Array]) -> str:
    """Of the types, shapes and values of arrays, in their order; read in slices, and mapped files are not copied."""
    total = hashlib.sha256()
    for array in arrays:
        total.update(f"{array.dtype.str}{array.shape}".encode())
        for start in range(0, len(array), 256):
            total.update(np.ascontiguousarray(array[start : start + 256]).data)
    return total.hexdigest()


def check_same_data(found: str, known: str) -> None:
    """The samples are those on which results were measured that are to be continued.

    Raises:
        ValueError: If they are others.
    """
    if found != known:
        raise ValueError(
            "expected the samples on which the results that are there already were measured, got others: the data have "
            "changed; write into another folder"
        )


def check_data(
    found: Result | Defended, known: Result | Defended | None, check: Callable[[str], object] | None
) -> None:
    """The samples are those of a known result, and pass a check of their checksum, where there are any.

    Raises:
        ValueError: If they are others than those of the known result.
        Exception: What the check raises.
    """
    if check is not None:
        check(found.checksum)
    if known is not None:
        check_same_data(found.checksum, known.checksum)


def restored_result(spec: Experiment, written: dict[str, Any]) -> Result:
    """The result of this spec that was written as `Result.as_json`; without the samples of its examples.

    Raises:
        ValueError: If it is none.
    """
    rows = _rows(BackdoorResult, written, "rows")
    classes = restored(dict[str, list[list[int]]], _part(written, "predicted", dict))
    predicted = {model: np.asarray(pair, np.int64) for model, pair in classes.items()}
    if [row.model for row in rows] != list(predicted) or not set(predicted) <= {model.name for model in spec.models}:
        raise ValueError(f"expected rows and predictions of the same models, got {', '.join(predicted) or 'none'}")
    examples = Examples(np.empty(0), np.empty(0), np.empty(0, np.int64), predicted)
    title, checksum = _part(written, "title", str), _part(written, "checksum", str)
    versions, measures = _part(written, "versions", dict), _part(written, "measures", dict)
    return Result(spec, title, versions, rows, examples, checksum, measures)


def restored_defended(spec: Experiment, written: dict[str, Any]) -> Defended:
    """The same of what was written as `Defended.as_json`; without the evidence of its pictures.

    Raises:
        ValueError: If it is none.
    """
    return Defended(
        spec,
        _part(written, "title", str),
        _part(written, "versions", dict),
        _part(written, "n_clean_samples", int),
        _rows(BackdoorResult, written, "rows"),
        _rows(DetectionResult, written, "detection"),
        _rows(ModelDetectionResult, written, "verdicts"),
        _rows(EliminationResult, written, "elimination"),
        _rows(Failure, written, "failures"),
        _part(written, "checksum", str),
        _part(written, "measures", dict),
    )


def _rows(kind: type[T], written: dict[str, Any], name: str) -> tuple[T, ...]:
    return tuple(restored(kind, row) for row in _part(written, name, list))


def _part(written: dict[str, Any], name: str, kind: type[T]) -> T:
    if not isinstance(part := written.get(name), kind):
        raise ValueError(f"expected {name} to be a {kind.__name__}, got {part!r}")
    return part


def restored(kind: type[T], plain: Any) -> T:
    """A value as it was before it was written as JSON.

    Args:
        kind: Class of the value, a dataclass or what pydantic knows.
        plain: Value of plain types; None stands for NaN where the class has a number.

    Raises:
        ValueError: If it does not describe such a value.
    """
    try:
        return TypeAdapter(kind).validate_python(_with_nan(kind, plain))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"expected {place} of a {kind.__name__} as it was written, got {first['input']!r:.80}"
        ) from error


def _with_nan(kind: Any, plain: Any) -> Any:
    """With NaN in place of None where a number belongs, inside too."""
    if plain is None:
        return math.nan if kind is float else None
    for part in (kind, *get_args(kind)) if isinstance(plain, dict) else ():
        if is_dataclass(part):
            kinds = get_type_hints(part)
            return {name: _with_nan(kinds[name], value) for name, value in plain.items() if name in kinds}
        if get_origin(part) is dict:
            return {name: _with_nan(get_args(part)[1], value) for name, value in plain.items()}
    return plain

"""Tensors and the card that describes them in one safetensors file: reading executes nothing."""

import hashlib
import json
from collections.abc import Mapping
from os import PathLike
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as read_tensors
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from art_snn._files import read_regular

MOST_BYTES_OF_HEADER = 1 << 24  # where card, names and shapes are: several times that of the largest network here


def pack(tensors: Mapping[str, Tensor], card: str) -> bytes:
    """A safetensors file with a card, which is a JSON object, and its checksum in the header.

    The same tensors and card make the same bytes.
    """
    fields = json.loads(card)
    return tensors_to_bytes(dict(tensors), {"card": json.dumps({**fields, "checksum": _checksum(fields)})})


def unpack(path: str | PathLike[str]) -> tuple[dict[str, Tensor], str]:
    """The tensors and the card of a file that `pack` made, for no more memory than a few times the file's size.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no regular file, no safetensors, holds bytes that belong to no tensor, or its card is
            missing or damaged.
    """
    raw = read_regular(path)
    n_bytes = int.from_bytes(raw[:8], "little")
    if n_bytes > MOST_BYTES_OF_HEADER:
        raise ValueError(f"expected safetensors with a header of at most {MOST_BYTES_OF_HEADER} bytes, got {n_bytes}")
    try:
        tensors = read_tensors(raw)
    except SafetensorError as error:
        raise ValueError(f"expected safetensors, got something else: {error}") from error
    return tensors, _card(json.loads(raw[8 : 8 + n_bytes]).get("__metadata__") or {})


def _card(about: Mapping[str, str]) -> str:
    if "card" not in about:
        raise ValueError("expected a classifier's card in the header, got none: the file holds weights alone")
    fields = json.loads(about["card"])
    if not isinstance(fields, dict) or fields.pop("checksum", None) != _checksum(fields):
        raise ValueError("expected a card with its own checksum in the header, got another: it was damaged or changed")
    return json.dumps(fields)


def _checksum(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields).encode()).hexdigest()


def digest(tensors: Mapping[str, Tensor]) -> str:
    """The SHA-256 of names, types, shapes and values, whatever their order."""
    total = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        total.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        total.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def check_all_finite(tensors: Mapping[str, Tensor]) -> None:
    """No weight is NaN or infinite, as after a training that diverged.

    Raises:
        ValueError: If one is; it names the tensor.
    """
    for name, tensor in tensors.items():
        if not torch.isfinite(tensor).all():
            raise ValueError(f"expected finite weights, got NaN or infinity in {name}, as after a diverging training")


def check_fit(wanted: Mapping[str, Tensor], found: Mapping[str, Tensor]) -> None:
    """Names, shapes and types are those of a network.

    Raises:
        ValueError: If they are not; it names the first that differs.
    """
    for name in sorted(wanted.keys() | found.keys()):
        here, there = _form(wanted.get(name)), _form(found.get(name))
        if here != there:
            raise ValueError(f"expected {name} to be {here}, got {there}: these are another network's weights")


def _form(tensor: Tensor | None) -> str:
    return "no tensor" if tensor is None else f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"

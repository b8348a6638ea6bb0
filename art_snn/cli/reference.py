"""The reference of specs: `python -m art_snn.cli.reference` prints docs/spec.md, as `make reference` writes it."""

from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from art_snn.cli.options import reference
from art_snn.experiment.catalogue_parameters import Parameter

HEAD = """# What a spec can say

Made from the declarations by `make reference`; `art-snn run --help` tells the same in short. A spec is a TOML file:
each section below is a table, `models` and `defences` are lists of tables (or of names alone), and every field may be
left out. Below a section stand the fields that a choice adds: `[data] name = "nmnist"` takes `n_bins`,
`name = "digits"` does not. Any place can be named by its dotted path: in `[grid]`, in `[[cases]]`, and with `--set`.
See [experiments](experiments.md).
"""


def page() -> str:
    """All sections in Markdown."""
    return "\n".join([HEAD, *_lines()])


def _lines() -> Iterator[str]:
    for title, text, fields in reference():
        section, _, choice = title.partition(": ")
        if not choice:
            yield f"## `{section}`\n\n{text}\n"
        elif fields:
            yield f"`{section}`, with `{choice}`:\n"
        else:
            continue
        if fields:
            yield "| field | default | what it is |\n|---|---|---|"
            yield from (f"| `{name}` | {_default(one.default)} | {_text(one)} |" for name, one in fields.items())
            yield ""


def _default(value: Any) -> str:
    if value is None or repr(value).startswith("PydanticUndefined"):
        return "–"
    if isinstance(value, BaseModel):
        return f"`{value.model_dump()}`"
    if isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
        return ", ".join(f"`{getattr(one, 'name', '')}`" for one in value)
    return f"`{value}`"


def _text(one: Parameter) -> str:
    """What the declaration says, and what can be chosen where it is one of a few words."""
    choices = [part for part in (one.kind, *get_args(one.kind)) if get_origin(part) is not None and _words(part)]
    said = one.text.replace("|", "\\|")
    missing = [word for part in choices for word in _words(part) if word not in said]
    return f"{said} One of {', '.join(missing)}." if missing else said


def _words(part: Any) -> tuple[str, ...]:
    found = get_args(part)
    return found if found and all(isinstance(word, str) for word in found) else ()


if __name__ == "__main__":
    print(page())

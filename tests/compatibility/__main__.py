"""`python -m tests.compatibility`: try all cases, and write the tables of docs/compatibility.md."""

import argparse
import json
from pathlib import Path

import torch

from tests.compatibility.page import MARK, tables, unexplained
from tests.compatibility.running import CASES, NEEDS, is_missing, outcome
from tests.compatibility.subjects import FRAMES, IMAGES, Subject

PAGE = Path(__file__).parents[2] / "docs" / "compatibility.md"


def main() -> None:
    """Nothing is written where a package is missing or an outcome is not explained in `reasons`."""
    parser = argparse.ArgumentParser(prog="python -m tests.compatibility")
    parser.add_argument("--kept", type=Path, help="JSON of outcomes that are known already; new ones are added")
    parser.add_argument("names", nargs="*", help="cases to try; all by default")
    arguments = parser.parse_args()
    missing = {NEEDS[name] for name in CASES if is_missing(name)}
    if missing:
        raise SystemExit(f"expected the packages {', '.join(sorted(missing))}; pip install them")
    torch.set_num_threads(1)
    outcomes = tried(arguments.names or list(CASES), arguments.kept)
    if arguments.names:
        return
    if problems := list(unexplained(outcomes)):
        raise SystemExit(
            "\n".join(["expected each outcome to be explained in tests/compatibility/reasons.py:", *problems])
        )
    PAGE.write_text(PAGE.read_text().partition(MARK)[0] + MARK + "\n" + tables(outcomes))


def tried(names: list[str], kept: Path | None) -> dict[str, dict[str, str]]:
    """What became of each case on each kind."""
    outcomes = json.loads(kept.read_text()) if kept and kept.is_file() else {}
    subjects = {kind: Subject(kind) for kind in (*IMAGES, *FRAMES)}
    for name in names:
        if name not in outcomes:
            outcomes[name] = {kind: outcome(CASES[name], subject) for kind, subject in subjects.items()}
            print(name, {kind: text or "works" for kind, text in outcomes[name].items()}, flush=True)
        if kept:
            kept.write_text(json.dumps(outcomes, indent=1))
    return outcomes


if __name__ == "__main__":
    main()

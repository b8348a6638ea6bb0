"""Times art_snn against what users would write by hand: ratios, measured in turn, as a table and as JSON.

Works in a checkout, with the extra `bench` installed.
"""

import argparse
import json
import os
import platform
from importlib.metadata import version
from pathlib import Path

from art_snn._files import write_whole
from tests.benchmarks.harness import HEADER, Case, measure

VERSIONED = (
    "adversarial-robustness-toolbox",
    "art-snn",
    "norse",
    "numpy",
    "snntorch",
    "spikingjelly",
    "tonic",
    "torch",
)


def main() -> None:
    """Run the chosen cases on one thread and on all; print the table as it grows and write the JSON file."""
    parser = argparse.ArgumentParser(prog="art-snn bench", description=__doc__)
    parser.add_argument("--cases", default="", help="only cases whose name contains this")
    parser.add_argument("--repeats", type=int, default=5, help="rounds a case, after one to warm up")
    parser.add_argument("--threads", type=_numbers, default=f"1,{os.cpu_count()}", help="numbers of them, with commas")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.json"), help="where the JSON goes")
    arguments = parser.parse_args()
    try:
        cases = all_cases()
    except ModuleNotFoundError as error:
        parser.error(f"expected the extra bench, got no module {error.name!r}; pip install --editable '.[bench]'")
    chosen = [case for case in cases if arguments.cases in case.name]
    if not chosen:
        parser.error(f"expected --cases to be part of a name: {'; '.join(case.name for case in cases)}")
    measurements = []
    print(HEADER)
    for threads in dict.fromkeys(arguments.threads):
        for case in chosen:
            measured = measure(case, threads, arguments.repeats)
            print(*(m.as_row() for m in measured), sep="\n", flush=True)
            measurements += measured
    report = {"machine": machine(), "measurements": [m.as_json() for m in measurements]}
    write_whole(arguments.out, json.dumps(report, indent=2).encode())


def all_cases() -> tuple[Case, ...]:
    """Of all files; they import the peers, which the help does not need."""
    from tests.benchmarks import converted, estimator, framing, inserting, loops, memory, poisoning

    files = (loops, converted, memory, estimator, poisoning, framing, inserting)
    return tuple(case for file in files for case in file.CASES)


def machine() -> dict[str, str | int | None]:
    """What the figures depend on: the processor by its name, and the versions of all that is compared."""
    return {
        "processor": _processor(),
        "cpus": os.cpu_count(),
        "python": platform.python_version(),
        **{name: version(name) for name in VERSIONED},
    }


def _processor() -> str:
    told = Path("/proc/cpuinfo")  # Linux; elsewhere python knows it
    lines = told.read_text().splitlines() if told.is_file() else []
    names = (line.partition(": ")[2] for line in lines if line.startswith("model name"))
    return next(names, platform.processor() or platform.machine())


def _numbers(text: str) -> list[int]:
    return [int(number) for number in text.split(",")]


if __name__ == "__main__":
    main()

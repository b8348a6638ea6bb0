"""Runs the benchmarks: `python -m tests.benchmarks`, or `art-snn bench`, in a checkout with the extra `bench`."""

import argparse
import json
import os
import platform
from pathlib import Path

import torch

from tests.benchmarks import converted, estimator, framing, loops, memory, poisoning
from tests.benchmarks.harness import HEADER, measure

CASES = (*loops.CASES, *converted.CASES, *memory.CASES, *estimator.CASES, *poisoning.CASES, *framing.CASES)


def main() -> None:
    """Run the chosen cases on one thread and on all; print the table as it grows and write the JSON file."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--cases", default="", help="only cases whose name contains this")
    parser.add_argument("--repeats", type=int, default=5, help="rounds a case, after one to warm up")
    parser.add_argument("--threads", default=f"1,{os.cpu_count()}", help="numbers of threads, with commas")
    parser.add_argument("--out", type=Path, default=Path("benchmarks.json"), help="where the JSON goes")
    arguments = parser.parse_args()
    measurements = []
    print(HEADER)
    for threads in dict.fromkeys(int(number) for number in arguments.threads.split(",")):
        for case in CASES:
            if arguments.cases in case.name:
                measured = measure(case, threads, arguments.repeats)
                print(*(m.as_row() for m in measured), sep="\n", flush=True)
                measurements += measured
    machine = {"processor": platform.machine(), "cpus": os.cpu_count(), "python": platform.python_version()}
    versions = {"torch": torch.__version__}
    report = {"machine": machine | versions, "measurements": [m.as_json() for m in measurements]}
    arguments.out.write_text(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()

"""DVS128 Gesture: 29 people who wave, clap and play air guitar before an event camera."""

import csv
import re
from collections.abc import Mapping
from io import TextIOWrapper
from pathlib import Path

from art_snn._files import open_regular, read_regular
from art_snn._validation import brief
from art_snn.data._event_files import EventFiles
from art_snn.data._files import check_files, listed, top_folder
from art_snn.data._recordings import Sample, Samples
from art_snn.events import TIME_LIMIT, Window

OFFERED_AT = "https://research.ibm.com/interactive/dvsgesture/"
CLASSES = (
    "hand clapping",
    "right hand wave",
    "left hand wave",
    "right arm clockwise",
    "right arm counter-clockwise",
    "left arm clockwise",
    "left arm counter-clockwise",
    "arm roll",
    "air drums",
    "air guitar",
    "other gestures",
)
TRIALS = ("trials_to_train.txt", "trials_to_test.txt")
MOST_TEXT = 1 << 20  # bytes; the publisher's lists and tables take a thousandth
TONIC_FOLDERS = ("ibmGestureTrain", "ibmGestureTest")


def find_samples(root: Path) -> Samples:
    """The publisher's recordings in `root` or its `DvsGesture/`, or the samples that tonic cut out of them, in
    `ibmGestureTrain/` and `ibmGestureTest/`."""
    if any((top_folder(root, "DVSGesture") / folder).is_dir() for folder in TONIC_FOLDERS):
        train, test = (_cut_samples(top_folder(root, "DVSGesture") / folder) for folder in TONIC_FOLDERS)
        return Samples(train, test, CLASSES)
    top = top_folder(root, "DvsGesture")
    check_files([top / name for name in TRIALS], OFFERED_AT)
    train, test = ([sample for trial in _trials(top / name) for sample in _gestures(trial)] for name in TRIALS)
    return Samples(train, test, CLASSES)


def _cut_samples(folder: Path) -> list[Sample]:
    """`<user>_<lighting>/<class index>.npy`."""
    paths = listed(folder, "*/*.npy")
    if wrong := [path for path in paths if path.stem not in map(str, range(len(CLASSES)))]:
        raise ValueError(f"expected files to be named 0.npy to {len(CLASSES) - 1}.npy, got {wrong[0]}")
    return [Sample(path, int(path.stem)) for path in paths]


def _trials(path: Path) -> list[Path]:
    """The recordings of one split that are there."""
    names = read_regular(path, MOST_TEXT).decode("ascii", errors="replace").split()
    if wrong := [name for name in names if not re.fullmatch(r"\w+\.aedat", name, re.ASCII)]:
        raise ValueError(f"{path}: expected names of .aedat files, got {brief(repr(wrong[0]))}")
    return [path.parent / name for name in names if (path.parent / name).exists()]


def _gestures(recording: Path) -> list[Sample]:
    """The gestures of one recording, as the table beside it says."""
    path = recording.with_name(f"{recording.stem}_labels.csv")
    check_files([path], OFFERED_AT)
    gestures = []
    with TextIOWrapper(open_regular(path, MOST_TEXT), newline="", encoding="ascii", errors="replace") as file:
        table = csv.DictReader(file)
        try:
            for row in table:
                gestures.append(Sample(recording, *_gesture(row)))
        except (KeyError, TypeError, ValueError, csv.Error) as error:
            raise ValueError(
                f"{path}: expected a gesture in line {table.line_num}, got {brief(repr(error))}"
            ) from error
    return gestures


def _gesture(row: Mapping[str, str]) -> tuple[int, Window]:
    """Class index, first µs and the µs after the last; the publisher counts classes from 1 on."""
    label = int(row["class"]) - 1
    start, stop = int(row["startTime_usec"]), int(row["endTime_usec"])
    if not (0 <= label < len(CLASSES) and 0 <= start < stop < TIME_LIMIT):
        raise ValueError(f"expected a class from 1 to {len(CLASSES)} and a start before an end, got {row}")
    return label, (start, stop)


load_dvs_gesture = EventFiles(
    name="dvs-gesture",
    title="DVS128 Gesture",
    sensor_size=(128, 128, 2),
    offered_at=OFFERED_AT,
    layout="DvsGesture/*.aedat beside trials_to_train.txt and trials_to_test.txt, or "
    "<user>_<light>/<class>.npy in tonic's ibmGestureTrain/ and ibmGestureTest/",
    find=find_samples,
    n_classes=11,
    source="Amir et al., A Low Power, Fully Event-Based Gesture Recognition System, 2017, "
    "https://doi.org/10.1109/CVPR.2017.781",
)

"""N-Caltech101: photographs of 101 kinds of things on a screen, seen by an event camera that moved three times."""

from pathlib import Path

from art_snn.data._files import top_folder
from art_snn.data.event_files import EventFiles
from art_snn.data.recordings import Samples, first_nine_tenths


def find_samples(root: Path) -> Samples:
    """`<class>/*.bin` in `root` or its `Caltech101/`; a class is a folder, so a partial copy has fewer of them."""
    folders = sorted(folder for folder in top_folder(root, "Caltech101").iterdir() if folder.is_dir())
    recordings = {folder.name: sorted(folder.glob("*.bin")) for folder in folders}
    return first_nine_tenths({name: paths for name, paths in recordings.items() if paths})


load_n_caltech101 = EventFiles(
    name="n-caltech101",
    title="N-Caltech101",
    sensor_size=(240, 180, 2),
    offered_at="https://www.garrickorchard.com/datasets/n-caltech101",
    find=find_samples,
    source="Orchard et al., Converting static image datasets to spiking neuromorphic datasets using saccades, 2015, "
    "https://doi.org/10.3389/fnins.2015.00437",
)

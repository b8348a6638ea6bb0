"""N-Caltech101: photographs of 101 kinds of things on a screen, seen by an event camera that moved three times."""

from pathlib import Path

from art_snn.data._event_files import EventFiles
from art_snn.data._files import listed, top_folder
from art_snn.data._recordings import Samples, first_nine_tenths

NAMES = """
    BACKGROUND_Google Faces_easy Leopards Motorbikes accordion airplanes anchor ant barrel bass beaver binocular
    bonsai brain brontosaurus buddha butterfly camera cannon car_side ceiling_fan cellphone chair chandelier
    cougar_body cougar_face crab crayfish crocodile crocodile_head cup dalmatian dollar_bill dolphin dragonfly
    electric_guitar elephant emu euphonium ewer ferry flamingo flamingo_head garfield gerenuk gramophone grand_piano
    hawksbill headphone hedgehog helicopter ibis inline_skate joshua_tree kangaroo ketch lamp laptop llama lobster
    lotus mandolin mayfly menorah metronome minaret nautilus octopus okapi pagoda panda pigeon pizza platypus
    pyramid revolver rhino rooster saxophone schooner scissors scorpion sea_horse snoopy soccer_ball stapler
    starfish stegosaurus stop_sign strawberry sunflower tick trilobite umbrella watch water_lilly wheelchair
    wild_cat windsor_chair wrench yin_yang
"""
CLASSES = frozenset(NAMES.split())


def find_samples(root: Path) -> Samples:
    """`<class>/*.bin` in `root` or its `Caltech101/`; a class is a folder, so a partial copy has fewer classes."""
    folders = [folder for folder in listed(top_folder(root, "Caltech101"), "*") if folder.is_dir()]
    recordings = {folder.name: listed(folder, "*.bin") for folder in folders}
    if unknown := [name for name, paths in recordings.items() if paths and name not in CLASSES]:
        raise ValueError(f"expected folders of N-Caltech101's classes below {root}, got {unknown[0]!r} with recordings")
    return first_nine_tenths({name: paths for name, paths in recordings.items() if paths})


load_n_caltech101 = EventFiles(
    name="n-caltech101",
    title="N-Caltech101",
    sensor_size=(240, 180, 2),
    offered_at="https://www.garrickorchard.com/datasets/n-caltech101",
    layout="Caltech101/<class>/*.bin",
    find=find_samples,
    n_classes=101,
    source="Orchard et al., Converting static image datasets to spiking neuromorphic datasets using saccades, 2015, "
    "https://doi.org/10.3389/fnins.2015.00437",
)

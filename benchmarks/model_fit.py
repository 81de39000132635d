"""Whether a model fits an image, as the program says before a run, against what is known: pairs of
a model and an image, and images of the validation lists, which all fit.

python benchmarks/model_fit.py --data DATA --pairs PAIRS.csv

DATA has a folder for each data set. The thresholds were chosen by the pairs and the validation
lists; images of other kinds were only checked.
"""

import argparse
import csv
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import store
from learn_hippocampus import nifti

import napari_unet as nu
from napari_unet.model.model import Model
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.suitability.advice import Advice
from napari_unet.segment.suitability.assess import assess_fit

sys.path.insert(0, str(Path(__file__).parent.parent / "recipes"))
from axons_sem_2d import RECIPE as AXONS
from nuclei_2d import RECIPE as NUCLEI
from recipe import names

FOLDERS = {"nuclei-2d": ("nuclei_dsb2018", NUCLEI), "axons-sem-2d": ("axons_sem", AXONS)}
SETTINGS = nu.SegmentSettings(device="cpu")
EVERY = 8  # image of those that are only checked
MOST = 40  # images of a list that are assessed


@dataclass(frozen=True)
class Case:
    """A model and an image, and whether the one fits the other."""

    model: str
    image: str
    fits: bool
    scan: Scan


def main() -> None:
    """Assess every case, and store what was right."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--pairs", type=Path, required=True)
    options = parser.parse_args()
    groups: dict[str, Callable[[], Iterator[Case]]] = {
        "pairs": lambda: pairs(options.pairs, options.data),
        "validation lists": lambda: of_lists(options.data, "val"),
        "training lists": lambda: of_lists(options.data, "train"),
        "other kinds, only checked": lambda: others(options.data),
    }
    seconds: list[float] = []
    figures: dict[str, object] = {}
    cases: dict[str, list[dict[str, object]]] = {}
    for title, made in groups.items():
        assessed = [(case, *timed(case)) for case in made()]
        seconds += [took for _, _, took in assessed]
        right = sum(case.fits == advice.fits for case, advice, _ in assessed)
        figures[title] = {"right": right, "of": len(assessed)}
        cases[title] = [row(case, advice) for case, advice, _ in assessed]
    figures["seconds, model loaded"] = store.spread(seconds)
    store.save(
        "model-fit",
        "python benchmarks/model_fit.py --data DATA --pairs PAIRS.csv",
        figures,
        {"cases": cases},
    )


@cache
def model_named(name: str) -> Model:
    """A built-in model, loaded once."""
    return nu.load_model(name)


def timed(case: Case) -> tuple[Advice, float]:
    """What the program says, and how long it takes."""
    model = model_named(case.model)
    begun = time.monotonic()
    advice = assess_fit(case.scan, model, settings=SETTINGS)
    return advice, time.monotonic() - begun


def row(case: Case, advice: Advice) -> dict[str, object]:
    """What is kept of a case."""
    signs = advice.signs
    return {
        "model": case.model,
        "image": case.image,
        "fits": case.fits,
        "said": advice.sentence,
        "right": case.fits == advice.fits,
        "classes": [round(share, 3) for share in signs.classes],
        "unsure": round(signs.unsure, 3),
        "mirrored": round(signs.mirrored, 3),
    }


def pairs(table: Path, data: Path) -> Iterator[Case]:
    """The pairs of a table: a model, the path of an image and what was done to it, yes or no."""
    with table.open() as file:
        for line in csv.DictReader(file):
            text = line["image"].removeprefix("data/")
            yield Case(line["model"], text, line["fits"] == "yes", pair_image(data, text))


def pair_image(data: Path, text: str) -> Scan:
    """The image that a pair names."""
    if text.startswith("a constant image"):
        return scan_of(np.full((256, 256), 100, np.uint8))
    name, _, change = text.partition(" ")
    if change == "middle slice":
        volume, _ = nifti(data / name)
        return scan_of(volume[len(volume) // 2])
    if change == "with its pixel size":
        return AXONS.load(data / "axons_sem", Path(name).stem)[0]
    scan = read_scan(data / name)
    if change != "inverted":
        return scan
    image = np.asarray(scan.data)
    return scan_of(image.max() - image)


def of_lists(data: Path, split: str) -> Iterator[Case]:
    """The images of a list of each built-in model, with their pixel size."""
    for model, (folder, recipe) in FOLDERS.items():
        listed = names(data / folder, split)
        for name in listed[:: max(1, len(listed) // MOST)]:
            yield Case(model, name, True, recipe.load(data / folder, name)[0])


def others(data: Path) -> Iterator[Case]:
    """Images of other kinds: nuclei in embryos fit one model, transmitted light and electron
    microscopy do not.
    """
    for path in sorted((data / "embryo_nuclei3d/images").glob("*.tif"))[::EVERY]:
        volume = np.asarray(read_scan(path, dimensions=3).data)
        middle = scan_of(volume[len(volume) // 2])
        yield Case("nuclei-2d", path.name, True, middle)
        yield Case("axons-sem-2d", path.name, False, middle)
    dic = sorted((data / "hela_dic").glob("0?/images/*"))[::EVERY]
    listed = names(data / "phase_cells", "train")[::EVERY]
    cells = [data / f"phase_cells/images/{name}.png" for name in listed]
    for path in [*dic, *cells]:
        for model in FOLDERS:
            yield Case(model, path.name, False, read_scan(path))
    neurons = np.asarray(read_scan(data / "neurons_fib25/raw.tif", dimensions=3).data)
    yield from (Case("nuclei-2d", "neurons_fib25", False, scan_of(part)) for part in neurons[::60])


if __name__ == "__main__":
    main()

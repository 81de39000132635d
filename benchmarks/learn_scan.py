"""One's own scan, learnt from a model that has seen other things: Dice on other images of the kind.

    python benchmarks/learn_scan.py phase --data FOLDER --start nuclei-2d --seconds 60

`--data` is the folder that holds phase_cells, isbi2012 and nuclei_dsb2018. One labelled image (two
of the inverted nuclei) is taken as painted, so that all of it teaches; `--seconds 0` fits the head
alone. Reported are the validation images, or with `--final` the test images.
"""

import argparse
from pathlib import Path

import numpy as np
from learning import PAINTED, Pair, add_run, binary, names, over_runs, per_image, timed

import napari_unet as nu
from napari_unet.scans.scan import scan_of

Split = tuple[list[Pair], list[Pair]]  # what teaches, and what is reported


def main() -> None:
    """Train and score once for each seed, and store the row."""
    options = _options()
    teaching, report = SETS[options.kind](options.data, "test" if options.final else "val")
    row = f"learn-scan-{options.kind}-{options.start}-{options.seconds:g}s"
    row += "-test" if options.final else "-validation"
    command = (
        f"python benchmarks/learn_scan.py {options.kind} --data FOLDER --start {options.start} "
        f"--seconds {options.seconds:g}{' --final' if options.final else ''}"
    )
    for seed in options.seeds:
        add_run(row, command, str(seed), run(options, seed, teaching, report), over_runs)


def run(
    options: argparse.Namespace, seed: int, teaching: list[Pair], report: list[Pair]
) -> dict[str, object]:
    """One training."""
    items = [(scan, labels, np.full(labels.shape, PAINTED, np.uint8)) for scan, labels in teaching]
    given = {"seed": seed, "minutes": options.seconds / 60 or None}
    given |= {"head_only": options.seconds == 0, "keep_what_it_knew": options.keep}
    settings = nu.TrainSettings.model_validate(given)
    result, seconds = timed(items, start=options.start, settings=settings, classes=CLASSES)
    return {
        "Dice": round(per_image(result.model, report), 4),
        "seconds": round(seconds, 1),
        "steps": len(result.history.losses),
    }


def phase(data: Path, split: str) -> Split:
    """Phase contrast cells, as foreground."""
    folder = data / "phase_cells"
    return _split(folder, names(folder, "train")[:1], names(folder, split))


def isbi(data: Path, split: str) -> Split:
    """Membranes of ISBI 2012: the first section, reported on others."""
    folder = data / "isbi2012"
    return _split(folder, ["00"], names(folder, split))


def inverted(data: Path, split: str) -> Split:
    """Nuclei that are dark on bright: what nuclei-2d knows, turned round."""
    folder = data / "nuclei_dsb2018"
    teaching, report = _split(folder, names(folder, "train")[:2], names(folder, split)[:20])
    return [_turned(pair) for pair in teaching], [_turned(pair) for pair in report]


def _split(folder: Path, teaching: list[str], report: list[str]) -> Split:
    return [binary(folder, name) for name in teaching], [binary(folder, name) for name in report]


def _turned(pair: Pair) -> Pair:
    scan, labels = pair
    return scan_of(255 - np.asarray(scan.data)), labels


SETS = {"phase": phase, "isbi": isbi, "inverted": inverted}
CLASSES = ("background", "foreground")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("kind", choices=sorted(SETS))
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--start", default="nuclei-2d")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--keep", action="store_true", help="keep what the old model knew")
    parser.add_argument("--final", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()

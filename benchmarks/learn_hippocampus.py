"""The hippocampus of the Medical Segmentation Decathlon in 3D, from scratch, in five minutes.

    # choose: the train list, report the validation list
    python benchmarks/learn_hippocampus.py --data FOLDER
    # both, report the test list
    python benchmarks/learn_hippocampus.py --data FOLDER --final

The score is the mean Dice of a volume, of the anterior and the posterior part.
"""

import argparse
import gzip
from pathlib import Path

import numpy as np
from learning import Figures, Pair, add_run, names, over_runs, per_image, timed, verdict_of
from options import add_settings, command_line

import napari_unet as nu
from napari_unet.scans.scan import scan_of

CLASSES = ("background", "anterior", "posterior")
NIFTI_TYPES = {2: "u1", 4: "<i2", 8: "<i4", 16: "<f4", 64: "<f8", 256: "i1", 512: "<u2", 768: "<u4"}


def main() -> None:
    """Train and score once for each seed, and store the row."""
    options = _options()
    learn_from, report_on = (("train", "val"), "test") if options.final else (("train",), "val")
    pairs = [
        volume(options.data, name) for split in learn_from for name in names(options.data, split)
    ]
    report = [volume(options.data, name) for name in names(options.data, report_on)]
    row = f"learn-hippocampus-{'test' if options.final else 'validation'}"
    command = (
        f"python benchmarks/learn_hippocampus.py --data FOLDER{' --final' if options.final else ''}"
    )
    for seed in options.seeds:
        add_run(row, command, str(seed), run(options, seed, pairs, report), over_runs)


def run(options: argparse.Namespace, seed: int, pairs: list[Pair], report: list[Pair]) -> Figures:
    """One training."""
    settings = nu.TrainSettings.model_validate_json(options.settings).model_copy(
        update={"seed": seed, "minutes": options.minutes}
    )
    result, seconds = timed(pairs, settings=settings, classes=CLASSES)
    if options.save:
        nu.save_model(result.model, options.save)
    scores = {
        f"Dice, {name}": round(per_image(result.model, report, (n,)), 4)
        for n, name in enumerate(CLASSES)
        if n
    }
    return {
        "volumes": len(pairs),
        **scores,
        "seconds": round(seconds, 1),
        "steps": result.settings.steps,
        **verdict_of(result),
    }


def volume(folder: Path, name: str) -> Pair:
    """A volume with its spacing, and its labels."""
    stem = name.removesuffix(".nii.gz")
    image, spacing = nifti(folder / "images" / f"{stem}.nii.gz")
    labels, _ = nifti(folder / "labels" / f"{stem}.nii.gz")
    return scan_of(image, spacing=spacing), labels.astype(np.uint8)


def nifti(path: Path) -> tuple[np.ndarray, tuple[float, ...]]:
    """Voxels as (z, y, x) and their size in µm, of a little-endian NIfTI-1 in millimetres."""
    data = gzip.decompress(path.read_bytes())
    shape = np.frombuffer(data, "<i2", 3, 42)
    kind = int(np.frombuffer(data, "<i2", 1, 70)[0])
    first = int(np.frombuffer(data, "<f4", 1, 108)[0])
    sizes = np.frombuffer(data, "<f4", 3, 80)
    slope, zero = np.frombuffer(data, "<f4", 2, 112)
    voxels = np.frombuffer(data, NIFTI_TYPES[kind], int(shape.prod()), first).reshape(shape[::-1])
    voxels = voxels * slope + zero if slope not in (0, 1) or zero else voxels
    return np.ascontiguousarray(voxels), tuple(1000 * float(size) for size in sizes[::-1])


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add_settings(parser)
    parser.add_argument("--save", type=Path, help="where to save the model of the last seed")
    return parser.parse_args()


if __name__ == "__main__":
    main()

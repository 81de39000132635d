"""The training loop on the ISBI 2012 membranes (Arganda-Carreras et al. 2015), from scratch.

    # choose: train on 00-16, report 17-19
    python benchmarks/isbi2012.py --data FOLDER
    # refit on 00-19, report the test sections 20-29
    python benchmarks/isbi2012.py --data FOLDER --final

The score is the Dice of the membranes, all voxels of the sections pooled.
"""

import argparse
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import store
from learning import MEMBRANES
from options import command_line

import napari_unet as nu
from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.optimise.fit import fit
from napari_unet.learn.settings import TrainSettings
from napari_unet.measure.metrics import overlap
from napari_unet.model.config import UNetConfig
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import scan_of

CHOOSE = (range(17), range(17, 20))
FINAL = (range(20), range(20, 30))


def main() -> None:
    """Train for some minutes, score, store the row."""
    options = _options()
    learn_from, report_on = FINAL if options.final else CHOOSE
    spec = ModelSpec(
        name="isbi2012",
        architecture=UNetConfig(width=options.width, depth=options.depth),
        channels=("electron micrograph",),
        classes=MEMBRANES,
    )
    examples = [
        e
        for n in learn_from
        for e in examples_of(
            scan_of(_png(options.data, "images", n)), _truth(options.data, n), spec
        )
    ]
    begin = time.monotonic()
    result = fit(examples, spec, settings(options))
    seconds = time.monotonic() - begin
    truth = np.stack([_truth(options.data, n) for n in report_on])
    found = np.stack([nu.segment(_png(options.data, "images", n), result.model) for n in report_on])
    figures: dict[str, object] = {
        "sections": f"{report_on.start:02}-{report_on.stop - 1:02}",
        "trained on": f"{learn_from.start:02}-{learn_from.stop - 1:02}",
        "width": options.width,
        "poolings": options.depth,
        "membrane Dice, pooled": round(overlap(found, truth).dice, 4),
        "seconds": round(seconds, 1),
        "steps": result.steps,
        "precision of the convolutions": options.precision,
        "seed": options.seed,
    }
    if options.save:
        nu.save_model(result.model, options.save)
    kind = "test" if options.final else "validation"
    row = f"isbi2012-{kind}-w{options.width}-seed{options.seed}"
    final = " --final" if options.final else ""
    command = f"python benchmarks/isbi2012.py --data FOLDER{final} --width {options.width}"
    store.save(row, command, figures)


def settings(options: argparse.Namespace) -> TrainSettings:
    """What was chosen on sections 17-19."""
    return TrainSettings(
        minutes=options.minutes,
        seed=options.seed,
        batch=options.batch,
        patch_px=options.patch,
        average=0.99,
        foreground_share=0.0,
        precision=options.precision,
        augment=AugmentSettings(scale=1.2, elastic_px=options.elastic, blur_px=1.0),
    )


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--depth", type=int, default=4)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--patch", type=int, default=192)
    parser.add_argument("--elastic", type=float, default=4.0)
    parser.add_argument("--precision", default="bfloat16")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--save", type=Path)
    return parser.parse_args()


def _png(folder: Path, kind: str, number: int) -> np.ndarray:
    return np.asarray(iio.imread(folder / kind / f"{number:02}.png"))


def _truth(folder: Path, number: int) -> np.ndarray:
    return (_png(folder, "labels", number) > 0).astype(np.uint8)


if __name__ == "__main__":
    main()

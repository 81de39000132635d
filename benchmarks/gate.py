"""The gate: fine-tunes on nonsense must not be accepted, and honest ones that should win must be.

    python benchmarks/gate.py --cells FOLDER            # 40 of nonsense and 10 honest, 15 s each
    python benchmarks/gate.py --cells FOLDER --quick    # 4 and 2
    # a part; the next call goes on where this one ended
    python benchmarks/gate.py --cells FOLDER --for-seconds 140

nuclei-2d learns one image of phase_cells in four fields of view, all reviewed: three teach and one
judges. There are 25 images; each comes a second time with another field held out. Nonsense: blocks
of 16 x 16 px of the labels that teach are put in random order, those of the field that judges stay
true. Which one that is follows from the program itself (`hold_out`).
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from learning import Figures, Pair, add_run, binary, names, runs_of, timed, verdict_of
from options import command_line

import napari_unet as nu
from napari_unet.learn.judging.held_out import hold_out
from napari_unet.learn.setup.object_size import object_diameter_px
from napari_unet.scans.scan import scan_of

BLOCK_PX = 16
ROUND = 1  # of a first fine-tune


def main() -> None:
    """Train as many as there is time for, each stored when it is done."""
    options = _options()
    lists = [name for split in ("train", "val", "test") for name in names(options.cells, split)]
    wanted = {"nonsense": 4 if options.quick else 40, "honest": 2 if options.quick else 10}
    row = "gate-quick" if options.quick else "gate"
    command = f"python benchmarks/gate.py --cells FOLDER{' --quick' if options.quick else ''}"
    begin = time.monotonic()
    done = {} if options.quick else runs_of(row)
    order = sorted(
        (n / count, kind, n) for kind, count in wanted.items() for n in range(count)
    )  # both kinds from the beginning
    for _, kind, number in order:
        key = f"{kind} {number:02}"
        if key not in done and time.monotonic() - begin < options.for_seconds:
            items = fields(binary(options.cells, lists[number % len(lists)]), number // len(lists))
            figures = {"kind": kind, **run(items, kind, number)}
            add_run(row, command, key, figures, summary)


def run(items: list[nu.TrainItem], kind: str, seed: int) -> Figures:
    """One fine-tune, with true labels or shuffled ones where they teach."""
    if kind == "nonsense":
        items = shuffled(items, np.random.default_rng(seed))
    result, seconds = timed(
        items, start="nuclei-2d", settings=nu.TrainSettings(minutes=0.25, seed=seed)
    )
    return {"seconds": round(seconds, 1), "steps": result.settings.steps, **verdict_of(result)}


def fields(pair: Pair, first: int) -> list[nu.TrainItem]:
    """The quarters of an image, in an order that begins with another one."""
    scan, labels = pair
    halves = [(slice(0, n // 2), slice(n // 2, n)) for n in labels.shape]
    parts = [(y, x) for y in halves[0] for x in halves[1]]
    return [
        nu.TrainItem(scan_of(np.asarray(scan.data)[part]), labels[part])
        for part in parts[first:] + parts[:first]
    ]


def shuffled(items: list[nu.TrainItem], rng: np.random.Generator) -> list[nu.TrainItem]:
    """The items with the blocks of their labels in random order, but for those that will judge."""
    found = hold_out(items, 2, [object_diameter_px(item) for item in items], ROUND)
    judging = {box.item for box in found.boxes}
    return [
        item if n in judging else replace(item, labels=mixed(item.labels, rng))
        for n, item in enumerate(items)
    ]


def mixed(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Labels with whole blocks in random order; what is no whole block stays."""
    out = labels.copy()
    rows, columns = (n // BLOCK_PX for n in labels.shape)
    inner = (slice(0, rows * BLOCK_PX), slice(0, columns * BLOCK_PX))
    blocks = labels[inner].reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    order = rng.permutation(blocks.reshape(-1, BLOCK_PX, BLOCK_PX)).reshape(blocks.shape)
    out[inner] = order.swapaxes(1, 2).reshape(rows * BLOCK_PX, columns * BLOCK_PX)
    return out


def summary(runs: list[Figures]) -> Figures:
    """How many of each kind were accepted."""
    found: Figures = {}
    for kind in ("nonsense", "honest"):
        own = [run for run in runs if run["kind"] == kind]
        kinds = {
            name: sum(run["verdict"] == name for run in own)
            for name in ("child", "tie", "parent", "not judged")
        }
        if own:
            found[kind] = {
                "fine-tunes": len(own),
                **kinds,
                "median units": float(np.median([run["units"] for run in own])),
            }
    return found


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--cells", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--for-seconds", type=float, default=1e9)
    return parser.parse_args()


if __name__ == "__main__":
    main()

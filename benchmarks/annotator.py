"""A simulated annotator: corrects the worst slice in each round, whole, or by scribbles where the
model is wrong.

    python benchmarks/annotator.py --data DATA              # DATA holds isbi2012 and phase_cells
    python benchmarks/annotator.py --data DATA --quick      # isbi2012 alone
    python benchmarks/annotator.py --data DATA --final      # report the test lists

Each round the slice with the lowest Dice among those not yet corrected is corrected, and the model
of the last round is trained on with all that there is. Scribbles are short strokes, 3 px wide,
whose middles are wrong voxels, until 2 % of the slice is trusted as painted; whole slices are
trusted as painted too, so that in both ways nothing is held out. isbi2012 begins from scratch,
phase_cells from nuclei-2d. The scores are those after 1, 2, 4 and 8 slices.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from learning import PAINTED, Figures, Pair, add_run, binary, names, pooled, timed
from options import add_settings, command_line
from scipy.ndimage import distance_transform_edt

import napari_unet as nu
from napari_unet.measure.metrics import overlap
from napari_unet.model.model import Model
from napari_unet.scans.scan import scan_of

SCRIBBLED = 0.02  # of the voxels of a slice
STROKE_PX = 16
BRUSH_PX = 1.5
REPORTED = (1, 2, 4, 8)
CROP_PX = 512


@dataclass(frozen=True)
class Case:
    """Slices to correct, slices to report on, and the model to begin with."""

    name: str
    pool: list[Pair]
    report: list[Pair]
    start: Model | None


def main() -> None:
    """Both ways on each data set, once a seed."""
    options = _options()
    for name in ("isbi2012",) if options.quick else ("isbi2012", "phase_cells"):
        case = load(options.data, name, options.final)
        quick = "-quick" if options.quick else ""
        row = f"annotator-{name}{quick}-{'test' if options.final else 'validation'}"
        more = [f"--{word}" for word in ("quick", "final") if getattr(options, word)]
        command = " ".join(["python benchmarks/annotator.py --data DATA", *more])
        for seed in options.seeds:
            for way in options.ways:
                figures = {"way": way, **run(case, way, seed, options)}
                add_run(row, command, f"{way} {seed}", figures, summary)


def load(data: Path, name: str, final: bool) -> Case:
    """The slices of a data set; images of cells are cut to a common size."""
    split = "test" if final else "val"
    folder = data / name
    pool, report = (
        [_cropped(binary(folder, each)) for each in names(folder, part)]
        for part in ("train", split)
    )
    return Case(name, pool, report, None if name == "isbi2012" else nu.load_model("nuclei-2d"))


def run(case: Case, way: str, seed: int, options: argparse.Namespace) -> Figures:
    """Eight rounds of one way."""
    rng = np.random.default_rng(seed)
    model = case.start
    items = dict[int, nu.TrainItem]()
    scores: Figures = {}
    for turn in range(1, options.slices + 1):
        number, prediction = worst(model, case.pool, items, rng)
        scan, labels = case.pool[number]
        wrong = labels != prediction if prediction is not None else np.ones(labels.shape, bool)
        whole = np.full(labels.shape, PAINTED, np.uint8)
        trust = whole if way == "whole" else scribbles(wrong, rng)
        items[number] = nu.TrainItem(scan, labels, trust)
        settings = nu.TrainSettings.model_validate_json(options.settings).model_copy(
            update={"minutes": options.minutes, "seed": seed}
        )
        model = timed(list(items.values()), start=model, settings=settings)[0].model
        if turn in REPORTED:
            scores[str(turn)] = round(pooled(model, case.report)[0], 4)
    return {"scores": scores}


def worst(
    model: Model | None, pool: list[Pair], done: dict[int, nu.TrainItem], rng: np.random.Generator
) -> tuple[int, np.ndarray | None]:
    """The slice with the lowest Dice among those not yet corrected, with its prediction; without a
    model any.
    """
    left = [n for n in range(len(pool)) if n not in done]
    if model is None:
        return int(rng.choice(left)), None
    found = {n: nu.segment(pool[n][0], model) for n in left}
    number = min(left, key=lambda n: overlap(found[n], pool[n][1]).dice)
    return number, found[number]


def scribbles(wrong: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Trust of short strokes through wrong voxels, as many as make a share of the slice."""
    mask = np.zeros(wrong.shape, bool)
    middles = np.argwhere(wrong) if wrong.any() else np.argwhere(~mask)
    while mask.mean() < SCRIBBLED:
        angle = rng.uniform(0, np.pi)
        middle = middles[rng.integers(len(middles))]
        steps = np.linspace(-STROKE_PX / 2, STROKE_PX / 2, 2 * STROKE_PX)
        along = steps[:, None] * (np.sin(angle), np.cos(angle))
        dots = np.clip(np.round(middle + along).astype(int), 0, np.array(wrong.shape) - 1)
        mask |= _brushed(dots, wrong.shape)
    return np.where(mask, np.uint8(PAINTED), np.uint8(0))


def _brushed(dots: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """Where a round brush went along the dots."""
    low = np.maximum(dots.min(axis=0) - 3, 0)
    high = np.minimum(dots.max(axis=0) + 4, shape)
    free = np.ones(high - low, bool)
    free[tuple((dots - low).T)] = False
    mask = np.zeros(shape, bool)
    mask[low[0] : high[0], low[1] : high[1]] = distance_transform_edt(free) <= BRUSH_PX
    return mask


def summary(runs: list[Figures]) -> Figures:
    """The scores of both ways side by side, medians over the seeds, and the share that scribbles
    reach.
    """
    found: Figures = {}
    for turn in (str(n) for n in REPORTED):
        both = {
            way: [
                run["scores"][turn] for run in runs if run["way"] == way and turn in run["scores"]
            ]
            for way in ("whole", "scribbles")
        }
        if all(both.values()):
            whole, part = (float(np.median(both[way])) for way in ("whole", "scribbles"))
            seeds = min(len(values) for values in both.values())
            shown = {
                "whole slices": round(whole, 4),
                "scribbles": round(part, 4),
                "share, %": round(100 * part / whole, 1),
                "seeds": seeds,
            }
            found[f"after {turn}"] = shown
    return found


def _cropped(pair: Pair) -> Pair:
    scan, labels = pair
    part = tuple(slice(0, min(n, CROP_PX)) for n in labels.shape)
    return scan_of(np.asarray(scan.data)[part]), labels[part]


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--minutes", type=float, default=0.25)
    parser.add_argument("--slices", type=int, default=8)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument(
        "--ways", nargs="+", choices=("whole", "scribbles"), default=["whole", "scribbles"]
    )
    add_settings(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()

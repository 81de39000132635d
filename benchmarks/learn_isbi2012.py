"""Learning the ISBI 2012 membranes from one painted section, or from a few, within a minute or two.

    # choose: report sections 17-19
    python benchmarks/learn_isbi2012.py --data FOLDER
    # one section, 60 s; report 20-29
    python benchmarks/learn_isbi2012.py --data FOLDER --final
    python benchmarks/learn_isbi2012.py --data FOLDER --final --sections 5 --minutes 2

The sections are trusted as *painted*: who begins without a model labels by brush, and there is no
older model that one could be judged against. So nothing is held out, and all of it teaches. The
score is the Dice of the membranes, all voxels of the sections pooled; `minutes` is the wall time of
`nu.train`.
"""

import argparse
from pathlib import Path

import numpy as np
from learning import PAINTED, Pair, add_run, binary, over_runs, pooled, timed
from options import add_settings, command_line

import napari_unet as nu


def main() -> None:
    """Train and score once for each seed, and store the row."""
    options = _options()
    listed = range(20, 30) if options.final else range(17, 20)
    report = [binary(options.data, f"{n:02}") for n in listed]
    kind = "test" if options.final else "validation"
    row = f"learn-isbi2012-{options.sections}-{kind}"
    command = (
        f"python benchmarks/learn_isbi2012.py --data FOLDER --sections {options.sections} "
        f"--minutes {options.minutes:g}{' --final' if options.final else ''}"
    )
    for seed in options.seeds:
        add_run(row, command, str(seed), run(options, seed, report), over_runs)


def run(options: argparse.Namespace, seed: int, report: list[Pair]) -> dict[str, object]:
    """One training."""
    pairs = [binary(options.data, f"{n:02}") for n in range(options.sections)]
    items = [(scan, labels, np.full(labels.shape, PAINTED, np.uint8)) for scan, labels in pairs]
    settings = nu.TrainSettings.model_validate_json(options.settings).model_copy(
        update={"seed": seed, "minutes": options.minutes}
    )
    result, seconds = timed(items, settings=settings, classes=("cell", "membrane"))
    return {
        "membrane Dice, pooled": round(pooled(result.model, report)[0], 4),
        "seconds": round(seconds, 1),
        "steps": result.settings.steps,
    }


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--sections", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    add_settings(parser)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""What nuclei-2d forgets of nuclei while it learns phase-contrast cells, with the guard on and off.

    # choose: the validation lists
    python benchmarks/forgetting.py --nuclei FOLDER --cells FOLDER --models FOLDER
    # the test lists
    python benchmarks/forgetting.py --nuclei FOLDER --cells FOLDER --models FOLDER --final

One fully reviewed image of phase_cells teaches for 60 s. The scores are the mean Dice of an image,
before and after, on the lists of both data sets.
"""

import argparse
import json
from pathlib import Path

import store
from learning import Figures, Pair, add_run, binary, names, per_image, timed, verdict_of
from options import add_settings, command_line

import napari_unet as nu
from napari_unet.model.model import Model

GUARDS: dict[str, Figures] = {"on": {"keep_what_it_knew": True}, "off": {}}
NAME = "nuclei-2d"


def main() -> None:
    """Fine-tune with and without, once for each seed, and store the row."""
    options = _options()
    options.models.mkdir(parents=True, exist_ok=True)
    runs = [
        (guard, seed, *trained(options, guard, seed))
        for seed in options.seeds
        for guard in options.guards
    ]
    if options.only_train:
        return
    split = "test" if options.final else "val"
    lists = [
        [binary(folder, name) for name in names(folder, split)]
        for folder in (options.nuclei, options.cells)
    ]
    row = f"forgetting-{'test' if options.final else 'validation'}"
    command = (
        "python benchmarks/forgetting.py --nuclei FOLDER --cells FOLDER --models FOLDER"
        f"{' --final' if options.final else ''}"
    )
    before = scores(nu.load_model(NAME), lists)
    for guard, seed, model, facts in runs:
        after = scores(model, lists)
        lost = {"points of nuclei lost": round(100 * (before["nuclei"] - after["nuclei"]), 2)}
        both = {
            f"{name}, {when}": value
            for when, found in (("before", before), ("after", after))
            for name, value in found.items()
        }
        figures = {"guard": guard, **lost, **both, **facts}
        add_run(row, command, f"{guard} {seed}", figures, summary)


def trained(options: argparse.Namespace, guard: str, seed: int) -> tuple[Model, Figures]:
    """One fine-tune and how it went; that of an earlier call, where it was saved."""
    path = options.models / f"{guard}-{seed}.safetensors"
    if path.exists():
        return nu.load_model(path), json.loads(path.with_suffix(".json").read_text())
    item = binary(options.cells, names(options.cells, "train")[seed])
    given = {
        **json.loads(options.settings),
        **GUARDS[guard],
        "seed": seed,
        "minutes": options.minutes,
    }
    result, seconds = timed([item], start=NAME, settings=nu.TrainSettings.model_validate(given))
    facts = {"seconds": round(seconds, 1), "steps": result.settings.steps, **verdict_of(result)}
    path.with_suffix(".json").write_text(json.dumps(facts))
    nu.save_model(result.model, path)
    return result.model, facts


def scores(model: Model, lists: list[list[Pair]]) -> Figures:
    """Mean Dice of an image on both lists."""
    return {
        name: round(per_image(model, pairs), 4)
        for name, pairs in zip(("nuclei", "cells"), lists, strict=True)
    }


def summary(runs: list[Figures]) -> Figures:
    """A line for each guard."""
    found: Figures = {}
    for guard in GUARDS:
        own = [run for run in runs if run["guard"] == guard]
        wanted = (
            "points of nuclei lost",
            "nuclei, before",
            "nuclei, after",
            "cells, before",
            "cells, after",
            "steps",
            "seconds",
        )
        if own:
            won = sum(run["verdict"] == "child" for run in own)
            found[f"guard {guard}"] = {
                "runs": len(own),
                **{k: store.spread([run[k] for run in own], 4) for k in wanted},
                "child wins": won,
            }
    return found


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument("--nuclei", type=Path, required=True)
    parser.add_argument("--cells", type=Path, required=True)
    parser.add_argument("--final", action="store_true")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--guards", nargs="+", choices=GUARDS, default=list(GUARDS))
    add_settings(parser)
    parser.add_argument(
        "--models",
        type=Path,
        required=True,
        help="a folder for what was trained: what is there is not trained again",
    )
    parser.add_argument(
        "--only-train",
        action="store_true",
        help="score in another call, since scores take no clock",
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()

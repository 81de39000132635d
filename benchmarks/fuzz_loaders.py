"""Damaged model files and journals, 200,000 of them: each is read or refused in a short sentence.

python benchmarks/fuzz_loaders.py [--inputs 200000] [--state fuzz_loaders.json]

What is done is in the state's file; the same command continues from there, after a kill too. An
input that breaks a loader is left beside it, under the name of its seed. It runs on one thread and
gives way to whatever else runs, so that it can be left in the background.
"""

import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import store
import torch
from options import command_line

from napari_unet.errors import NapariUNetError
from napari_unet.files.append_only import read_records
from napari_unet.files.atomic import write_atomically
from napari_unet.learn.journal.stroke_journal import (
    JournalHeader,
    StrokeJournal,
    read_stroke_journal,
)
from napari_unet.model.library import BUILTIN_FOLDER, load_model, model_entry
from napari_unet.scans.identity import identity_of
from napari_unet.scans.scan import Scan
from napari_unet.segment.resumable.journal import SUFFIX, RunJournal, TileRecord, read_run_journals
from napari_unet.segment.statistics.frame import FrameStatistics

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from helpers.damage import damaged_model, damaged_records

MOST_CHARACTERS = 300
SAVED_EVERY = 500
Loader = tuple[Callable[[random.Random], bytes], str, Callable[[Path], object]]


def main() -> None:
    """All inputs in turn, from where the last run ended."""
    parser = command_line(__doc__)
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--state", type=Path, default=Path("fuzz_loaders.json"))
    options = parser.parse_args()
    give_way()
    done = {"next": 0, "read": 0, "refused": 0, "broken": [], "slowest s": 0.0}
    if options.state.exists():
        done = json.loads(options.state.read_text())
    with tempfile.TemporaryDirectory() as name:
        loaders = loaders_in(Path(name))
        for seed in range(done["next"], options.inputs):
            try_one(seed, loaders[seed % len(loaders)], Path(name), done, options.state.parent)
            if done["next"] % SAVED_EVERY == 0 or done["next"] == options.inputs:
                save_state(done, options.state)
    figures = {"inputs": done["next"], **{k: done[k] for k in ("read", "refused", "slowest s")}}
    figures["broken"] = len(done["broken"])
    store.save("fuzz-loaders", "python benchmarks/fuzz_loaders.py", figures)


def give_way() -> None:
    """One thread, which waits while anything else wants the processor."""
    torch.set_num_threads(1)
    if hasattr(os, "nice"):
        os.nice(19)


def save_state(done: dict, path: Path) -> None:
    """Write how far it is; a kill leaves the state before."""
    write_atomically(path, lambda temporary: temporary.write_text(json.dumps(done)))


def try_one(seed: int, loader: Loader, folder: Path, done: dict, kept: Path) -> None:
    """Damage one file, load it, and note what came of it."""
    make, ending, load = loader
    path = folder / f"input{ending}"
    path.write_bytes(make(random.Random(seed)))
    start = time.monotonic()
    try:
        load(path)
        done["read"] += 1
    except NapariUNetError as error:
        done["refused"] += 1
        if len(str(error)) > MOST_CHARACTERS or not str(error).isprintable():
            done["broken"].append(seed)
    except Exception as error:  # this is what is looked for
        print(f"{seed}{ending}: {type(error).__name__}: {error}"[:200])
        done["broken"].append(seed)
        (kept / f"fuzz-{seed}{ending}").write_bytes(path.read_bytes())
    done["slowest s"] = max(done["slowest s"], round(time.monotonic() - start, 3))
    done["next"] = seed + 1
    path.unlink()


def loaders_in(folder: Path) -> list[Loader]:
    """What is damaged, how its file is called, and what loads it."""
    model = next(BUILTIN_FOLDER.glob("*.safetensors")).read_bytes()
    strokes = records_of_strokes(folder)
    tiles = records_of_tiles(folder)
    return [
        (lambda chance: damaged_model(model, chance), ".safetensors", load_both),
        (lambda chance: damaged_records(strokes, chance), ".strokes", read_stroke_journal),
        (
            lambda chance: damaged_records(tiles, chance),
            SUFFIX,
            lambda path: read_run_journals(folder),
        ),
    ]


def load_both(path: Path) -> None:
    """Read a model's header, as a list of models does, and all of it."""
    model_entry(path)
    load_model(path)


def records_of_strokes(folder: Path) -> list[bytes]:
    """A journal of some strokes."""
    image = Scan(np.zeros((4, 64, 64), np.uint8), "zyx", (1.0,) * 3)
    classes = (("background", "#000000"), ("cell", "#ff0000"))
    path = folder / "whole.strokes"
    journal = StrokeJournal(
        path, JournalHeader(identity_of(image), image.shape, "uint8", "cells", classes)
    )
    for row in range(8):
        box = (slice(0, 1), slice(row, row + 8), slice(0, 32))
        labels = np.full((1, 8, 32), row % 2, np.uint8)
        journal.labels(box, labels)
        journal.stroke(box, labels, labels)
        journal.mark(box, 2)
    journal.mark_labels_complete()
    journal.close()
    records = list(read_records(path))
    path.unlink()
    return records


def records_of_tiles(folder: Path) -> list[bytes]:
    """A journal of some tiles."""
    journal = RunJournal(folder, None)
    journal.engine("torch")
    for number in range(8):
        journal.statistics((number,), FrameStatistics((0.0,), (1.0,), 0.0, (-2.0, 4.0), (0.0,)))
        journal.tile(TileRecord(number, "0" * 64, (5, 6), 0))
    journal.close()
    (path,) = folder.glob(f"*{SUFFIX}")
    records = list(read_records(path))
    path.unlink()
    return records


if __name__ == "__main__":
    main()

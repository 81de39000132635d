"""What trainings leave beside the models: checkpoints to resume from, and which part of the labels
the next training holds out.
"""

import json
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from napari_unet.errors import OutputError
from napari_unet.files.atomic import write_atomically
from napari_unet.model.library import user_folder
from napari_unet.widgets.finetune.order import TrainOrder

FOLDER = "unfinished"
TURNS = "turns.json"
MOST_PARENTS = 1000  # of which the file knows, the last ones


def checkpoint_of(path: Path) -> Path:
    """Where the checkpoint of the training of a model lies."""
    return path.parent / FOLDER / f"{path.stem}.checkpoint"


def interrupted(path: Path) -> str:
    """When a training of a model of this path was interrupted, in words; empty where none was."""
    with suppress(OSError):
        return time.strftime("%d %B, %H:%M", time.localtime(checkpoint_of(path).stat().st_mtime))
    return ""


def turn_of(weights_sha256: str) -> int | None:
    """Which part the next training from a model holds out, where there has been one before; on the
    disk, since a checkpoint may be resumed in another session.
    """
    turn = _turns().get(weights_sha256)
    return turn if isinstance(turn, int) and 0 <= turn < 1_000_000 else None


def note_turn(order: TrainOrder, turn: int | None) -> None:
    """Note that a training was judged by this part: the next one from the same model holds out
    another.
    """
    if order.parent is None or order.parent.header is None or turn is None:
        return
    turns = dict(list(_turns().items())[-MOST_PARENTS:]) | {
        order.parent.header.weights_sha256: turn + 1
    }
    with suppress(OutputError):
        write_atomically(_turns_file(), lambda temporary: _write(temporary, turns))


def _turns_file() -> Path:
    return user_folder() / FOLDER / TURNS


def _turns() -> dict[str, Any]:
    try:
        stored = json.loads(_turns_file().read_text(encoding="utf-8"))
    except (OSError, ValueError):  # there is none yet, or it is damaged: parts are chosen anew
        return {}
    return stored if isinstance(stored, dict) else {}


def _write(path: Path, turns: dict[str, Any]) -> None:
    path.write_text(json.dumps(turns), encoding="utf-8")

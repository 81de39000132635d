"""How a command ends: what it prints, where, and with which exit code."""

import json
import os
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer

from napari_unet.cli.streams import ReaderGone, write_aside, write_result
from napari_unet.errors import NapariUNetError, shortened, with_notes
from napari_unet.files.full_disk import is_no_space, no_space
from napari_unet.segment.engine.out_of_memory import is_out_of_memory, not_enough_memory
from napari_unet.words import plain, plain_lines

FAILED = 1
INTERRUPTED = 130
DEBUG_VARIABLE = "NAPARI_UNET_DEBUG"
MOST_NAME = 100  # characters of a file's name or path within a sentence
MOST_REASON = 150  # of what another library says


@dataclass(frozen=True)
class Outcome:
    """What a command found: the values for --json, the text for people, and whether all of it went
    well.
    """

    values: Mapping[str, Any]
    text: str
    failed: bool = False


def guarded(work: Callable[[], Outcome], as_json: bool) -> None:
    """Run a command's work and print its outcome; every failure becomes one sentence and an exit
    code.
    """
    try:
        _guarded(work, as_json)
    except ReaderGone:
        raise typer.Exit(FAILED) from None


def _guarded(work: Callable[[], Outcome], as_json: bool) -> None:
    try:
        outcome = work()
        if as_json or outcome.text:
            write_result(_as_json(outcome.values) if as_json else plain_lines(outcome.text))
    except NapariUNetError as error:
        _fail(with_notes(str(error), error), as_json)
    except KeyboardInterrupt as interruption:
        tell(with_notes("Interrupted; the files that were complete are kept.", interruption))
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, typer.BadParameter, ReaderGone):
        raise
    except Exception as error:
        _fail(with_notes(unexpected(error), error), as_json)
    else:
        if outcome.failed:
            raise typer.Exit(FAILED)


def tell(sentence: str) -> None:
    """Say something to the person at the terminal, beside the results."""
    write_aside(f"{plain(sentence)}\n")


def _fail(sentence: str, as_json: bool) -> None:
    tell(f"Error: {sentence}")
    if as_json:
        write_result(_as_json({"error": sentence}))
    raise typer.Exit(FAILED)


def _as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, default=str)


def named(name: str, sentence: str) -> str:
    """A sentence about a file, which is named unless the sentence does so."""
    return sentence if name in sentence else f"{shortened(name, MOST_NAME)}: {sentence}"


def unexpected(error: Exception) -> str:
    """One sentence for an error that is none of ours: memory that was not enough, what the system
    refuses, or one that nobody foresaw, of which a variable shows where it came from.
    """
    if os.environ.get(DEBUG_VARIABLE):
        write_aside(plain_lines(traceback.format_exc()))
    if is_out_of_memory(error):
        return str(not_enough_memory(error))
    if is_no_space(error):
        name = getattr(error, "filename", None)
        return str(no_space(None if name is None else Path(os.fsdecode(name)), error))
    if isinstance(error, OSError) and error.strerror:
        where = "" if error.filename is None else f" ({shortened(str(error.filename), MOST_NAME)})"
        return f"The system refuses: {error.strerror}{where}. Check the path, its disk and rights."
    reason = shortened((str(error).strip().splitlines() or [""])[0], MOST_REASON)
    return (
        f"Something unforeseen happened: {type(error).__name__}: {reason} "
        f"Set {DEBUG_VARIABLE}=1 to see where, and report it."
    )

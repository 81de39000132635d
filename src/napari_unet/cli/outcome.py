"""How a command ends: what it prints, where, and with which exit code."""

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import typer

from napari_unet.errors import NapariUNetError
from napari_unet.segment.engine.out_of_memory import is_out_of_memory, not_enough_memory

FAILED = 1
INTERRUPTED = 130
DEBUG_VARIABLE = "NAPARI_UNET_DEBUG"


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
        outcome = work()
    except NapariUNetError as error:
        _fail(with_notes(str(error), error), as_json)
    except KeyboardInterrupt as interruption:
        tell(with_notes("Interrupted; the files that were complete are kept.", interruption))
        raise typer.Exit(INTERRUPTED) from None
    except (typer.Exit, typer.BadParameter):
        raise
    except Exception as error:
        _fail(unexpected(error), as_json)
    else:
        if as_json or outcome.text:
            typer.echo(_as_json(outcome.values) if as_json else outcome.text)
        if outcome.failed:
            raise typer.Exit(FAILED)


def tell(sentence: str) -> None:
    """Say something to the person at the terminal, beside the results."""
    # the one place that writes to standard error
    print(sentence, file=sys.stderr, flush=True)  # noqa: T201


def _fail(sentence: str, as_json: bool) -> None:
    tell(f"Error: {sentence}")
    if as_json:
        typer.echo(_as_json({"error": sentence}))
    raise typer.Exit(FAILED)


def _as_json(values: Mapping[str, Any]) -> str:
    return json.dumps(values, indent=2, default=str)


def with_notes(sentence: str, error: BaseException) -> str:
    """A sentence about an error, with what was noted on its way."""
    return " ".join([sentence, *getattr(error, "__notes__", ())])


def unexpected(error: Exception) -> str:
    """One sentence for an error that is none of ours: memory that was not enough, or one that
    nobody foresaw, of which a variable shows where it came from.
    """
    if os.environ.get(DEBUG_VARIABLE):
        tell(traceback.format_exc())
    if is_out_of_memory(error):
        return str(not_enough_memory(error))
    reason = (str(error).strip().splitlines() or [""])[0]
    return (
        f"Something unforeseen happened: {type(error).__name__}: {reason} "
        f"Set {DEBUG_VARIABLE}=1 to see where, and report it."
    )

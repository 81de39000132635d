"""Results that are begun: a zarr in a folder beside its place, which survives whatever interrupts
it and may have many writers.

`X.zarr.partial` holds `X.zarr` as it will be, and whatever its writers keep beside it. The folder
is made under a hidden name and renamed, so that of many who begin it at once one makes it, whole,
and the others find it.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from napari_unet.errors import OutputError
from napari_unet.files.atomic import flush
from napari_unet.files.leftovers import DELETION_WAIT_S, remove_folder, temporary_path
from napari_unet.files.lock import owned
from napari_unet.files.moves import discard, move
from napari_unet.files.names import contents, name_beside, persistently
from napari_unet.progress import GetControl, OnProgress
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_levels import LEVEL, add_levels
from napari_unet.scans.formats.zarr_write import (
    create_zarr,
    put_in_place,
    temporary_folder,
    writing,
)

SUFFIX = ".partial"
FACTS = "napari_unet"


def partial_folder(path: Path) -> Path:
    """Where the result that will be at `path` lies until it is complete."""
    target = path.resolve()
    return target.with_name(name_beside(target.name, SUFFIX))


def is_begun(path: Path) -> bool:
    """Whether there is a partial result of `path`."""
    return (partial_folder(path) / path.resolve().name).is_dir()


def begin_partial(file: ResultFile) -> bool:
    """Make an empty partial result with the file's facts; False where there is one, which stays as
    it is.
    """
    target = file.path.resolve()
    folder = partial_folder(file.path)
    with writing(target):
        if folder.exists():
            return False
        with temporary_folder(target) as fresh:
            create_zarr(fresh / target.name, file)
            for description in fresh.rglob("zarr.json"):
                flush(description)
            return _renamed(fresh, folder)


def open_partial(path: Path) -> tuple[Any, Mapping[str, Any]]:
    """The array of the partial result of `path`, and the facts it was begun with; raises
    `OutputError` for a damaged one.
    """
    folder = partial_folder(path)
    try:
        group = zarr.open_group(folder / path.resolve().name, mode="r+")
        array = group[LEVEL]
        facts = _facts(group)
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(
            f"{folder} is damaged, or no partial result. Remove it, and begin anew."
        ) from error
    return array, facts


def facts_of(path: Path) -> Mapping[str, Any]:
    """The facts of a complete result; none where there is no such file, or it is not ours."""
    try:
        return _facts(zarr.open_group(path, mode="r"))
    except (OSError, ValueError, KeyError):
        return {}


def open_complete(path: Path) -> Any:
    """The array of a result that is complete; raises `OutputError` for a damaged one."""
    try:
        return zarr.open_group(path, mode="r")[LEVEL]
    except (OSError, ValueError, KeyError) as error:
        raise OutputError(f"{path} is damaged. Remove it, and begin anew.") from error


def add_partial_levels(file: ResultFile, on_progress: OnProgress, control: GetControl) -> None:
    """Make the coarser levels of a partial result whose finest is complete; raises as `add_levels`
    does.
    """
    with writing(file.path.resolve()):
        add_levels(partial_folder(file.path) / file.path.resolve().name, file, on_progress, control)


def finish_partial(path: Path, facts: Mapping[str, Any]) -> None:
    """Add facts to the partial result of `path`, let it take its place, and remove what else lies
    in its folder.
    """
    target = path.resolve()
    folder = partial_folder(path)
    part = folder / target.name
    with writing(target):
        if part.exists():
            group = zarr.open_group(part, mode="r+")
            group.attrs[FACTS] = {**_facts(group), **facts}
            put_in_place(part, target)
        remove_folder(folder)


def reopen_partial(path: Path) -> None:
    """Make a result that is complete a partial one again."""
    target = path.resolve()
    folder = partial_folder(path)
    with writing(target):
        folder.mkdir(exist_ok=True)
        move(target, folder / target.name)


def remove_torn_chunks(path: Path) -> None:
    """Remove what writers that were killed have left of chunks; nobody else may be writing."""
    for left in (partial_folder(path) / path.resolve().name).rglob(f"*{SUFFIX}"):
        discard(left)


def remove_partial(path: Path, wait_s: float | None = DELETION_WAIT_S) -> None:
    """Remove the partial result of `path`, with all that lies in its folder; `wait_s` as in
    `remove_folder`.
    """
    if partial_folder(path).exists():
        remove_folder(partial_folder(path), wait_s)


def remove_leftover(path: Path) -> None:
    """Remove a partial result's folder in which there is no result: its writer was ended while it
    made or completed it.

    Where another removes it too and has begun anew meanwhile, what it has begun is put back.
    """
    folder = partial_folder(path)
    name = path.resolve().name
    if not _is_leftover(folder, name):
        return
    hidden = temporary_path(path.resolve(), ".old") / folder.name
    with writing(path.resolve()), owned(hidden.parent):
        hidden.parent.mkdir()
        try:
            move(folder, hidden)
        except FileNotFoundError:
            hidden.parent.rmdir()
            return
        except OSError:
            hidden.parent.rmdir()
            raise
        if not _is_leftover(hidden, name):
            move(hidden, folder)
        remove_folder(hidden.parent)


def _is_leftover(folder: Path, name: str) -> bool:
    if not folder.is_dir():
        return False
    part = folder / name
    torn = part.is_dir() and not (part / "zarr.json").exists() and list(contents(folder)) == [part]
    return torn or not part.is_dir()


def _renamed(fresh: Path, folder: Path) -> bool:
    """Give a folder its name, unless there is one of that name, which is not empty."""
    try:
        persistently(lambda: fresh.rename(folder))
    except OSError:
        if folder.is_dir():
            return False
        raise
    return True


def _facts(group: zarr.Group) -> Mapping[str, Any]:
    facts = group.attrs.get(FACTS)
    return facts if isinstance(facts, Mapping) else {}

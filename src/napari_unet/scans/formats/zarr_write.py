"""Results as OME-NGFF 0.5: a zarr folder with its levels, the axes and the voxel size."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zarr

from napari_unet.errors import OutputError
from napari_unet.files.full_disk import not_made
from napari_unet.files.leftovers import remove_folder, temporary_path
from napari_unet.files.lock import SUFFIX, owned
from napari_unet.files.moves import move, not_written
from napari_unet.progress import GetControl, OnProgress, Stopped
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_levels import (
    OME,
    add_levels,
    create_level,
    ngff_metadata,
    remove_coarser,
)
from napari_unet.scans.formats.zarr_pyramid import plan_levels

MOVED_ASIDE = re.compile(r"\..+(?<!\.old)\.[0-9a-f]{8}\.old")


@contextmanager
def write(file: ResultFile, on_progress: OnProgress, control: GetControl) -> Iterator[Any]:
    """A zarr array to fill, in a sibling folder that takes the place of `file.path` at the end.

    Its coarser levels are made before; after STOP there are none.
    """
    target = file.path.resolve()
    with writing(target), temporary_folder(target) as part:
        yield create_zarr(part, file)
        # again: some of the facts are known at the end only
        zarr.open_group(part, mode="r+").attrs["napari_unet"] = dict(file.facts)
        try:
            add_levels(part, file, on_progress, control)
        except Stopped:
            remove_coarser(part, file)
        file.look_again()
        put_in_place(part, target)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Make the folder that `target` is to lie in; what fails becomes an `OutputError`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise not_made(target, error) from error
    try:
        yield
    except OSError as error:
        raise not_written(target, error) from error


def create_zarr(folder: Path, file: ResultFile) -> Any:
    """A new OME-NGFF group in `folder`; its array, to be filled."""
    finest = plan_levels(file)[:1]
    group = zarr.create_group(
        folder,
        zarr_format=3,
        attributes={OME: ngff_metadata(file, finest), "napari_unet": dict(file.facts)},
    )
    return create_level(group, 0, finest[0], file)


def put_in_place(part: Path, target: Path) -> None:
    """Let the folder `part` take the place of `target`, and of what is there."""
    if not target.exists():
        move(part, target)
        return
    holder = temporary_path(target, ".old")
    holder.mkdir()
    old = holder / target.name
    try:
        move(target, old)
        _replace_or_restore(part, target, old)
    finally:
        if target.exists():  # else the old one is all that there is
            remove_folder(holder)


def _replace_or_restore(part: Path, target: Path, old: Path) -> None:
    """Move `part` to `target`, or else what was there back; raises `OutputError` where neither is
    possible.
    """
    try:
        move(part, target)
    except OSError:
        try:
            move(old, target)
        except OSError as error:
            raise OutputError(
                f"Can not write {target}, nor put back what was there: {error.strerror}. It is in "
                f"{old}; move it back yourself."
            ) from error
        raise


def restore_old(target: Path) -> None:
    """Put a result back that a killed run had moved aside to make room for its own, and had not
    replaced yet; remove it where it was replaced. Nobody else may be writing.
    """
    for old in target.parent.iterdir():
        # what is being deleted has a name of the same kind, and a lock
        deleted = old.with_name(old.name + SUFFIX).exists()
        if MOVED_ASIDE.fullmatch(old.name) and (old / target.name).exists() and not deleted:
            if not target.exists():
                move(old / target.name, target)
            remove_folder(old)


@contextmanager
def temporary_folder(target: Path) -> Iterator[Path]:
    """A fresh folder beside the target, hidden, with the permissions the umask gives; it is gone at
    the end.
    """
    folder = temporary_path(target, ".part")
    with owned(folder):
        folder.mkdir()
        try:
            yield folder
        finally:
            if folder.exists():
                remove_folder(folder)

"""Results as OME-NGFF 0.5: a zarr folder with its levels, the axes and the voxel size."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import zarr

from napari_unet.errors import OutputError
from napari_unet.files.atomic import move, not_written, remove_folder
from napari_unet.files.names import name_beside
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


@contextmanager
def write(file: ResultFile, on_progress: OnProgress, control: GetControl) -> Iterator[Any]:
    """A zarr array to fill, in a sibling folder that takes the place of `file.path` at the end.

    Its coarser levels are made before; after STOP there are none.
    """
    target = file.path.resolve()
    with writing(target):
        part = sibling(target, "part")
    try:
        with writing(target):
            yield create_zarr(part, file)
            # again: some of the facts are known at the end only
            zarr.open_group(part, mode="r+").attrs["napari_unet"] = dict(file.facts)
            try:
                add_levels(part, file, on_progress, control)
            except Stopped:
                remove_coarser(part, file)
            put_in_place(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Make the folder that `target` is to lie in; what fails becomes an `OutputError`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"Can not write into {target.parent}: {error.strerror}. Choose another folder."
        ) from error
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
    holder = sibling(target, "old")
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


def sibling(target: Path, suffix: str) -> Path:
    """A fresh folder beside the target, hidden, with the permissions the umask gives."""
    folder = target.with_name(name_beside(f".{target.name}", f".{uuid4().hex[:8]}.{suffix}"))
    folder.mkdir()
    return folder

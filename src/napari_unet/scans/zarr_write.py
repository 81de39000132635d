"""Results as OME-NGFF 0.5: a zarr folder with one level, the axes and the voxel size."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import zarr

from napari_unet.errors import OutputError
from napari_unet.files import forget_folder
from napari_unet.scans.result_file import ResultFile

CHUNK_PX = 512
VERSION = "0.5"
LEVEL = "0"


@contextmanager
def zarr_result(file: ResultFile) -> Iterator[Any]:
    """A zarr array to fill, in a sibling folder that takes the place of `file.path` at the end."""
    target = file.path.resolve()
    with writing(target):
        part = sibling(target, "part")
    try:
        with writing(target):
            yield create_zarr(part, file)
            zarr.open_group(part, mode="r+").attrs["napari_unet"] = dict(file.facts)  # some are known at the end only
            put_in_place(part, target)
    finally:
        shutil.rmtree(part, ignore_errors=True)


@contextmanager
def writing(target: Path) -> Iterator[None]:
    """Make the folder that `target` is to lie in; what fails is told as an `OutputError`."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"Can not write into {target.parent}: {error.strerror}. Choose another folder.") from error
    try:
        yield
    except OSError as error:
        raise OutputError(f"Can not write {target}: {error.strerror or error}. What was there is untouched.") from error


def create_zarr(folder: Path, file: ResultFile) -> Any:
    """A new OME-NGFF group in `folder`; its array, to be filled."""
    group = zarr.create_group(folder, zarr_format=3, attributes={"ome": _description(file), "napari_unet": dict(file.facts)})
    return group.create_array(
        LEVEL, shape=file.shape, chunks=_chunks(file), dtype=file.dtype, dimension_names=list(file.axes), fill_value=0
    )


def _description(file: ResultFile) -> dict[str, Any]:
    sizes = file.sizes_um
    scale = [sizes.get(a, 1.0) for a in file.axes]
    level = {"path": LEVEL, "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image = {"name": file.path.name.split(".")[0], "axes": [_axis(a, file) for a in file.axes], "datasets": [level]}
    label: dict[str, Any] = {} if file.channels else {"image-label": {}}
    return {"version": VERSION, "multiscales": [image], **label}


def _axis(letter: str, file: ResultFile) -> dict[str, str]:
    kind = {"t": "time", "c": "channel"}.get(letter, "space" if letter in "zyx" else "")
    unit = {"unit": "micrometer"} if letter in file.sizes_um else {}
    return {"name": letter, **({"type": kind} if kind else {}), **unit}


def _chunks(file: ResultFile) -> tuple[int, ...]:
    given = {} if file.chunks is None else dict(zip(file.scan.result_axes, file.chunks, strict=True))
    wanted = {"y": CHUNK_PX, "x": CHUNK_PX} | given
    return tuple(min(n, wanted.get(a, 1)) for a, n in zip(file.axes, file.shape, strict=True))


def put_in_place(part: Path, target: Path) -> None:
    """Let the folder `part` take the place of `target`, and of what is there."""
    if not target.exists():
        part.replace(target)
        return
    old = sibling(target, "old")
    target.replace(old / target.name)
    try:
        part.replace(target)
    except OSError:
        (old / target.name).replace(target)
        raise
    finally:
        forget_folder(old)


def sibling(target: Path, suffix: str) -> Path:
    """A fresh folder beside the target, hidden, with the permissions the umask gives."""
    folder = target.parent / f".{target.name}.{uuid4().hex[:8]}.{suffix}"
    folder.mkdir()
    return folder

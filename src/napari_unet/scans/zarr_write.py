"""Results as OME-NGFF 0.5: a zarr folder with one level, the axes and the voxel size."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import zarr

from napari_unet.errors import OutputError
from napari_unet.scans.result_file import ResultFile

CHUNK_PX = 512
VERSION = "0.5"


@contextmanager
def zarr_result(file: ResultFile) -> Iterator[Any]:
    """A zarr array to fill, in a sibling folder that takes the place of `file.path` at the end."""
    target = file.path.resolve()
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = _sibling(target, "part")
    except OSError as error:
        raise OutputError(f"Can not write into {target.parent}: {error.strerror}. Choose another folder.") from error
    try:
        yield _create(part, file)
        _replace(part, target)
    except OSError as error:
        raise OutputError(f"Can not write {target}: {error.strerror or error}. What was there is untouched.") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _create(folder: Path, file: ResultFile) -> Any:
    group = zarr.create_group(folder, zarr_format=3, attributes={"ome": _description(file), "napari_unet": dict(file.facts)})
    return group.create_array("0", shape=file.shape, chunks=_chunks(file), dtype=file.dtype, dimension_names=list(file.axes), fill_value=0)


def _description(file: ResultFile) -> dict[str, Any]:
    sizes = file.sizes_um
    scale = [sizes.get(a, 1.0) for a in file.axes]
    level = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    image = {"name": file.path.name.split(".")[0], "axes": [_axis(a, file) for a in file.axes], "datasets": [level]}
    label: dict[str, Any] = {} if file.channels else {"image-label": {}}
    return {"version": VERSION, "multiscales": [image], **label}


def _axis(letter: str, file: ResultFile) -> dict[str, str]:
    kind = {"t": "time", "c": "channel"}.get(letter, "space" if letter in "zyx" else "")
    unit = {"unit": "micrometer"} if letter in file.sizes_um else {}
    return {"name": letter, **({"type": kind} if kind else {}), **unit}


def _chunks(file: ResultFile) -> tuple[int, ...]:
    wanted = {"y": CHUNK_PX, "x": CHUNK_PX}
    return tuple(min(n, wanted.get(a, 1)) for a, n in zip(file.axes, file.shape, strict=True))


def _replace(part: Path, target: Path) -> None:
    if not target.exists():
        part.replace(target)
        return
    old = _sibling(target, "old")
    target.replace(old / target.name)
    try:
        part.replace(target)
    except OSError:
        (old / target.name).replace(target)
        raise
    finally:
        shutil.rmtree(old, ignore_errors=True)


def _sibling(target: Path, suffix: str) -> Path:
    """A fresh folder beside the target, hidden, with the permissions the umask gives."""
    folder = target.parent / f".{target.name}.{uuid4().hex[:8]}.{suffix}"
    folder.mkdir()
    return folder

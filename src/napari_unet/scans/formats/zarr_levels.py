"""The resolution levels of a zarr result: their description as OME-NGFF 0.5 has it, and how the
coarser ones are computed.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import zarr

from napari_unet.files.names import persistently
from napari_unet.progress import (
    Clock,
    GetControl,
    OnProgress,
    Progress,
    always_continue,
    heed,
    ignore,
)
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_pyramid import Level, mean_of, plan_levels, takes_means

VERSION = "0.5"
OME = "ome"
LEVEL = "0"


def create_level(group: zarr.Group, number: int, level: Level, file: ResultFile) -> Any:
    """A new, empty array for a level; one that was begun before is deleted."""
    return group.create_array(
        str(number),
        shape=level.shape,
        chunks=level.chunks,
        dtype=file.dtype,
        dimension_names=list(file.axes),
        fill_value=0,
        overwrite=True,
    )


def add_levels(
    folder: Path,
    file: ResultFile,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> None:
    """Compute the coarser levels of the result in `folder`, each from the next finer one, chunk by
    chunk, and add them to its description.

    Raises `Stopped` on STOP and `Cancelled` on CANCEL; then the description has none of them.
    """
    levels = plan_levels(file)
    group = zarr.open_group(folder, mode="r+")
    clock = Clock()
    finer: Any = group[LEVEL]
    done = 0
    total = sum(int(np.prod(level.grid())) for level in levels[1:])
    for number, level in enumerate(levels[1:], start=1):
        array = create_level(group, number, level, file)
        for index in np.ndindex(level.grid()):
            heed(control)
            on_progress(
                Progress(
                    done,
                    total,
                    unit="chunks of coarser levels",
                    seconds_left=clock.seconds_left(done, total),
                )
            )
            part = level.chunk(index)
            values = _reduced(np.asarray(finer[level.source(part)]), level, file)
            persistently(partial(array.__setitem__, part, values))
            done += 1
        finer = array
    group.attrs[OME] = ngff_metadata(file, levels)


def remove_coarser(folder: Path, file: ResultFile) -> None:
    """Delete the coarser levels that were begun."""
    group = zarr.open_group(folder, mode="r+")
    for number in range(1, len(plan_levels(file))):
        if str(number) in group:
            del group[str(number)]


def ngff_metadata(file: ResultFile, levels: list[Level]) -> dict[str, Any]:
    """The metadata of a group: its axes, and its levels, finest first."""
    image: dict[str, Any] = {
        "name": file.path.name.split(".")[0],
        "axes": [_axis(letter, file) for letter in file.axes],
        "datasets": [_dataset(number, level) for number, level in enumerate(levels)],
    }
    if len(levels) > 1:
        image["type"] = "mean" if takes_means(file) else "nearest"
    label: dict[str, Any] = {} if takes_means(file) else {"image-label": {}}
    return {"version": VERSION, "multiscales": [image], **label}


def _reduced(values: np.ndarray, level: Level, file: ResultFile) -> np.ndarray:
    if takes_means(file):
        return mean_of(values, level.factors).astype(file.dtype)
    return values[tuple(slice(None, None, factor) for factor in level.factors)]


def _dataset(number: int, level: Level) -> dict[str, Any]:
    where: list[dict[str, Any]] = [{"type": "scale", "scale": list(level.scale)}]
    if any(level.translation):
        where.append({"type": "translation", "translation": list(level.translation)})
    return {"path": str(number), "coordinateTransformations": where}


def _axis(letter: str, file: ResultFile) -> dict[str, str]:
    kind = {"t": "time", "c": "channel"}.get(letter, "space" if letter in "zyx" else "")
    unit = {"unit": "micrometer"} if letter in file.sizes_um else {}
    return {"name": letter, **({"type": kind} if kind else {}), **unit}

"""Reading zarr folders: plain arrays, and OME-NGFF 0.4 and 0.5 images at their finest level."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import zarr

from napari_unet.errors import ScanError
from napari_unet.scans.axes import known_axes
from napari_unet.scans.channels import ALPHA
from napari_unet.scans.formats.file_image import FileImage, StoredArray
from napari_unet.scans.scan import SPATIAL
from napari_unet.scans.units import to_um
from napari_unet.words import plural, some

UNNAMED = ("0.1", "0.2")  # versions whose axes are t, c, z, y, x and have no names


def read(path: Path) -> FileImage:
    """The image of a zarr array, of an OME-NGFF group, or of a group that holds a single array."""
    node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return _plain(node, path)
    image, multiscale = _multiscale(node)
    if multiscale is not None:
        return replace(_ngff(image, multiscale, path), notes=_others(node, path))
    arrays = [array for _, array in node.arrays()]
    if len(arrays) == 1:
        return _plain(arrays[0], path)
    raise ScanError(_what_group(node, path))


def _what_group(group: zarr.Group, path: Path) -> str:
    """The refusal of a group that is no image: what it is, and what can be opened instead."""
    inner = _inner(group)
    if isinstance(plate := inner.get("plate"), Mapping):
        wells = [
            str(w.get("path")) for w in _sequence(plate.get("wells")) if isinstance(w, Mapping)
        ]
        return _choose(path, f"a plate of {plural(len(wells), 'well')}", [f"{w}/0" for w in wells])
    if isinstance(well := inner.get("well"), Mapping):
        fields = [
            str(f.get("path")) for f in _sequence(well.get("images")) if isinstance(f, Mapping)
        ]
        return _choose(path, f"a well of {plural(len(fields), 'image')}", fields)
    names = sorted(group.keys())
    return _choose(path, f"a group of {plural(len(names), 'member')}, none of them marked", names)


def _choose(path: Path, what: str, names: list[str]) -> str:
    found = f" such as {path.name}/{names[0]}; there are {some(names)}" if names else ""
    return f"{path.name} is {what}, and no image. Give the path of one image in it,{found}."


def _inner(group: zarr.Group) -> Mapping[str, Any]:
    """The metadata of a group; OME-NGFF 0.5 has them one level deeper than 0.4."""
    attributes = dict(group.attrs)
    inner = attributes.get("ome", attributes)
    return inner if isinstance(inner, Mapping) else {}


def _plain(array: zarr.Array[Any], path: Path) -> FileImage:
    names = (
        getattr(array.metadata, "dimension_names", None)
        or array.attrs.get("_ARRAY_DIMENSIONS")
        or ()
    )
    axes = known_axes([str(name) for name in _sequence(names)])
    return FileImage(
        StoredArray(array, path),
        axes if len(axes) == array.ndim else "",
        no_data=_no_data(array),
    )


def _no_data(array: zarr.Array[Any]) -> float | None:
    """The value that xarray and netCDF name for voxels without image."""
    value = array.attrs.get("_FillValue")
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if known and math.isfinite(value) else None  # type: ignore[arg-type]


def _multiscale(group: zarr.Group) -> tuple[zarr.Group, Mapping[str, Any] | None]:
    """The group that holds the image, and the first description of its resolution levels."""
    inner = _inner(group)
    multiscales = _sequence(inner.get("multiscales"))
    if multiscales and isinstance(multiscales[0], Mapping):
        return group, multiscales[0]
    first = group.get("0") if "bioformats2raw.layout" in inner else None
    return _multiscale(first) if isinstance(first, zarr.Group) else (group, None)


def _others(node: zarr.Group, path: Path) -> tuple[str, ...]:
    """A note that a collection holds further images, if it does."""
    if "bioformats2raw.layout" not in _inner(node):
        return ()
    images = sorted((name for name in node.group_keys() if name.isdigit()), key=int)
    if len(images) < 2:
        return ()
    return (
        f"{path.name} holds {len(images)} images, of which the first is used; give the path of "
        f"another one, such as {path.name}/{images[1]}.",
    )


def _ngff(group: zarr.Group, multiscale: Mapping[str, Any], path: Path) -> FileImage:
    finest = _sequence(multiscale.get("datasets"))[0]
    array = group[finest["path"]]
    if not isinstance(array, zarr.Array):
        raise ScanError(
            f"{path.name} names {finest['path']!r} as its finest level, which is no array. "
            "Export it again."
        )
    described = [_described(axis) for axis in _sequence(multiscale.get("axes"))]
    if not described and str(multiscale.get("version", "0.1")) in UNNAMED:
        described = [(letter, "") for letter in "tczyx"[-array.ndim :]]
    axes = known_axes([name for name, _ in described])
    if len(axes) != array.ndim:
        return FileImage(StoredArray(array, path))
    names = _channel_names(group)
    scale = _scale(finest, array.ndim, _scale(multiscale, array.ndim, [1.0] * array.ndim))
    sizes = {
        a: to_um(size, unit)
        for a, size, (_, unit) in zip(axes, scale, described, strict=True)
        if a in SPATIAL
    }
    known = {letter: size for letter, size in sizes.items() if size is not None}
    sizes_um = known if {"y", "x"} <= set(known) else {}
    alpha = "c" in axes and names[-1:] == (ALPHA,)
    return FileImage(StoredArray(array, path), axes, sizes_um, channel_names=names, alpha=alpha)


def _channel_names(group: zarr.Group) -> tuple[str, ...]:
    """The names of the channels; none if one has no name."""
    omero = _inner(group).get("omero")
    channels = _sequence(omero.get("channels")) if isinstance(omero, Mapping) else []
    names = tuple(str(c.get("label") or "") if isinstance(c, Mapping) else "" for c in channels)
    return names if all(names) else ()


def _described(axis: Any) -> tuple[str, str]:
    """Name and unit of an axis, which older versions give as a bare name."""
    if not isinstance(axis, Mapping):
        return str(axis), ""
    kind = str(axis.get("type", ""))
    name = str(axis.get("name", ""))
    return kind if kind in ("time", "channel") else name, str(axis.get("unit", ""))


def _scale(holder: Mapping[str, Any], ndim: int, outer: list[float]) -> list[float]:
    """The voxel size that one level of the metadata gives, times that of the level above it."""
    for transform in _sequence(holder.get("coordinateTransformations")):
        if (
            isinstance(transform, Mapping)
            and transform.get("type") == "scale"
            and len(_sequence(transform.get("scale"))) == ndim
        ):
            return [a * float(b) for a, b in zip(outer, transform["scale"], strict=True)]
    return outer


def _sequence(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else []

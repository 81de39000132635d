"""Zarr folders in: plain arrays and OME-NGFF 0.4 and 0.5 images, at their finest level, read by
parts.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import zarr

from napari_unet.errors import ScanError
from napari_unet.scans.axes import known_axes
from napari_unet.scans.formats.file_image import FileImage, StoredArray
from napari_unet.scans.scan import SPATIAL
from napari_unet.scans.units import to_um


def read(path: Path) -> FileImage:
    """The image of a zarr array, of an OME-NGFF group, or of a group that holds a single array."""
    node = zarr.open(path, mode="r")
    if isinstance(node, zarr.Array):
        return _plain(node, path)
    image, multiscale = _multiscale(node)
    if multiscale is not None:
        return _ngff(image, multiscale, path)
    arrays = [array for _, array in node.arrays()]
    if len(arrays) == 1:
        return _plain(arrays[0], path)
    raise ScanError(
        f"{path.name} is a zarr group of {len(arrays)} arrays and says not which is the image. Give the path of one of them."
    )


def _plain(array: zarr.Array[Any], path: Path) -> FileImage:
    names = (
        getattr(array.metadata, "dimension_names", None)
        or array.attrs.get("_ARRAY_DIMENSIONS")
        or ()
    )
    axes = known_axes([str(name) for name in _sequence(names)])
    return FileImage(StoredArray(array, path), axes if len(axes) == array.ndim else "")


def _multiscale(group: zarr.Group) -> tuple[zarr.Group, Mapping[str, Any] | None]:
    """The group that holds the image, and its first multiscale description, in either version's
    place.
    """
    attributes = dict(group.attrs)
    inner = attributes.get("ome", attributes)
    if isinstance(inner, Mapping):
        multiscales = _sequence(inner.get("multiscales"))
        if multiscales and isinstance(multiscales[0], Mapping):
            return group, multiscales[0]
        first = group.get("0") if "bioformats2raw.layout" in inner else None
        if isinstance(first, zarr.Group):
            return _multiscale(first)
    return group, None


def _ngff(group: zarr.Group, multiscale: Mapping[str, Any], path: Path) -> FileImage:
    finest = _sequence(multiscale.get("datasets"))[0]
    array = group[finest["path"]]
    if not isinstance(array, zarr.Array):
        raise ScanError(
            f"{path.name} names {finest['path']!r} as its finest level, which is no array. Export it again."
        )
    described = [_described(axis) for axis in _sequence(multiscale.get("axes"))]
    axes = known_axes([name for name, _ in described])
    if len(axes) != array.ndim:
        return FileImage(StoredArray(array, path))
    scale = _scale(finest, array.ndim, _scale(multiscale, array.ndim, [1.0] * array.ndim))
    sizes = {
        a: to_um(size, unit)
        for a, size, (_, unit) in zip(axes, scale, described, strict=True)
        if a in SPATIAL
    }
    known = {letter: size for letter, size in sizes.items() if size is not None}
    return FileImage(StoredArray(array, path), axes, known if {"y", "x"} <= set(known) else {})


def _described(axis: Any) -> tuple[str, str]:
    """Name and unit of an axis, which older versions give as a bare name."""
    if not isinstance(axis, Mapping):
        return str(axis), ""
    kind = str(axis.get("type", ""))
    name = str(axis.get("name", ""))
    return kind if kind in ("time", "channel") else name, str(axis.get("unit", ""))


def _scale(holder: Mapping[str, Any], ndim: int, outer: list[float]) -> list[float]:
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

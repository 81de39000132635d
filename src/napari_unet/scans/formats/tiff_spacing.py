"""The voxel size that a TIFF file states, in whichever of four ways it does."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import tifffile

from napari_unet.scans.units import pixel_um, to_um

SPACING_KEY = "spacing_um"
_UNIT_NAMES = {2: "inch", 3: "cm"}


def spacing_um(file: tifffile.TiffFile, page: Any) -> dict[str, float]:
    """Voxel sizes in micrometres by axis letter, with at least y and x; empty where the file states
    none.
    """
    if file.is_ome:
        sizes = _from_ome(file.ome_metadata or "")
    elif file.is_imagej and _imagej_unit(file):
        sizes = _from_imagej(file, page)
    else:
        sizes = _from_own(file) or _from_tags(page)
    return sizes if {"y", "x"} <= set(sizes) else {}


def _from_ome(text: str) -> dict[str, float]:
    pixels = next(
        (e for e in ElementTree.fromstring(text).iter() if e.tag.rpartition("}")[2] == "Pixels"),
        None,
    )
    sizes: dict[str, float] = {}
    for letter in "zyx" if pixels is not None else "":
        name = f"PhysicalSize{letter.upper()}"
        value = to_um(_number(pixels.get(name)), pixels.get(f"{name}Unit") or "um")  # type: ignore[union-attr]
        if value is not None:
            sizes[letter] = value
    return sizes


def _from_imagej(file: tifffile.TiffFile, page: Any) -> dict[str, float]:
    unit = _imagej_unit(file)
    step = _number((file.imagej_metadata or {}).get("spacing"))
    lengths = {
        "z": abs(step),
        "y": _invert(_per_unit(page, "YResolution")),
        "x": _invert(_per_unit(page, "XResolution")),
    }
    known = {letter: to_um(length, unit) for letter, length in lengths.items()}
    return {letter: value for letter, value in known.items() if value is not None}


def _from_own(file: tifffile.TiffFile) -> dict[str, float]:
    """The sizes as `scans.write` puts them beside the axes."""
    stated = (file.shaped_metadata or ({},))[0].get(SPACING_KEY, {})
    if not isinstance(stated, dict):
        return {}
    return {str(letter): _number(value) for letter, value in stated.items() if _number(value) > 0}


def _from_tags(page: Any) -> dict[str, float]:
    tag = page.tags.get("ResolutionUnit")
    unit = _UNIT_NAMES.get(int(tag.value)) if tag is not None else None
    if unit is None:
        return {}
    sizes = {
        letter: pixel_um(_per_unit(page, f"{letter.upper()}Resolution"), unit) for letter in "yx"
    }
    return {letter: value for letter, value in sizes.items() if value is not None}


def _imagej_unit(file: tifffile.TiffFile) -> str:
    unit = str((file.imagej_metadata or {}).get("unit", ""))
    return unit if to_um(1.0, unit) is not None else ""


def _per_unit(page: Any, name: str) -> float:
    tag = page.tags.get(name)
    if tag is None or not isinstance(tag.value, tuple):
        return 0.0
    above, below = tag.value
    return float(above) / float(below) if below else 0.0


def _invert(per_unit: float) -> float:
    return 1 / per_unit if per_unit > 0 else 0.0


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0

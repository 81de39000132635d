"""The voxel size in a TIFF file: from OME-XML, from ImageJ's or our own notes, or from tags."""

from typing import Any

import tifffile

from napari_unet.scans.formats.ome_xml import elements_of, kind_of
from napari_unet.scans.units import is_for_print, pixel_um, to_um

SPACING_KEY = "spacing_um"
_UNIT_NAMES = {2: "inch", 3: "cm"}


def spacing_um(file: tifffile.TiffFile, page: Any) -> dict[str, float]:
    """Voxel sizes in micrometres by axis letter, at least those of y and x; empty if unknown."""
    if file.is_ome:
        sizes = _from_ome(file)
    elif file.is_imagej and _imagej_unit(file):
        sizes = _from_imagej(file, page)
    else:
        sizes = _from_own(file) or _from_tags(page)
    return sizes if {"y", "x"} <= set(sizes) else {}


def _from_ome(file: tifffile.TiffFile) -> dict[str, float]:
    pixels = next((e for e in elements_of(file) if kind_of(e) == "Pixels"), None)
    sizes: dict[str, float] = {}
    if pixels is None:
        return sizes
    for letter in "zyx":
        name = f"PhysicalSize{letter.upper()}"
        value = to_um(_number(pixels.get(name)), pixels.get(f"{name}Unit") or "um")
        if value is not None:
            sizes[letter] = value
    return sizes


def _from_imagej(file: tifffile.TiffFile, page: Any) -> dict[str, float]:
    """ImageJ has one unit for all axes, and others for y and z only if they differ."""
    facts = file.imagej_metadata or {}
    unit = _imagej_unit(file)
    units = {"z": facts.get("zunit") or unit, "y": facts.get("yunit") or unit, "x": unit}
    sizes = {"z": to_um(_number(facts.get("spacing")), str(units["z"]))}
    for letter in "yx":
        per_unit = _per_unit(page, f"{letter.upper()}Resolution")
        own = str(units[letter])
        if is_for_print(own):
            sizes[letter] = pixel_um(per_unit, own)
        else:
            sizes[letter] = to_um(1 / per_unit, own) if per_unit else None
    return {letter: value for letter, value in sizes.items() if value is not None}


def _from_own(file: tifffile.TiffFile) -> dict[str, float]:
    """The sizes as `scans.write` puts them beside the axes of a plain TIFF."""
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


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0

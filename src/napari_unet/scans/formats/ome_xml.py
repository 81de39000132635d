"""The description (OME-XML) in an OME-TIFF, as far as it is used here."""

import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator

import tifffile


def has_sound_xml(file: tifffile.TiffFile) -> bool:
    """Whether the description can be read; a file that is no OME-TIFF has none to read."""
    return not file.is_ome or _root(file) is not None


def elements_of(file: tifffile.TiffFile) -> Iterator[ElementTree.Element]:
    """All elements of the description; none where it is damaged or there is none."""
    root = _root(file)
    return iter(()) if root is None else root.iter()


def kind_of(element: ElementTree.Element) -> str:
    """What an element is, without the namespace."""
    return element.tag.rpartition("}")[2]


def files_of_set(file: tifffile.TiffFile) -> list[str]:
    """The names of the files that the image is spread over, in order; none if it is in one."""
    names = [e.get("FileName") for e in elements_of(file) if kind_of(e) == "UUID"]
    found = list(dict.fromkeys(name for name in names if name))
    return found if len(found) > 1 else []


def companion_of(file: tifffile.TiffFile) -> str | None:
    """The file that describes the image, where this one holds nothing but planes."""
    found = next((e for e in elements_of(file) if kind_of(e) == "BinaryOnly"), None)
    return None if found is None else found.get("MetadataFile") or "another file"


def ome_channel_names(file: tifffile.TiffFile) -> tuple[str, ...]:
    """The names of the channels of the first image; none if one has no name."""
    image = next((e for e in elements_of(file) if kind_of(e) == "Image"), None)
    channels = [] if image is None else [e for e in image.iter() if kind_of(e) == "Channel"]
    names = tuple(channel.get("Name") or "" for channel in channels)
    return names if all(names) else ()


def _root(file: tifffile.TiffFile) -> ElementTree.Element | None:
    if not file.is_ome:
        return None
    try:
        return ElementTree.fromstring(file.ome_metadata or "")
    except (ElementTree.ParseError, ValueError):
        return None

"""Reading PNG files: grey of 1 to 16 bits, colours, palettes, and the pixel size if it is there."""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.formats.file_image import FileImage
from napari_unet.scans.units import pixel_um

SIGNATURE_BYTES = 8
MOST_PX = 1_000_000
_GREY_ALPHA = 2
_METRE = 1
_GREY = 0
_PALETTE = 3


def read(path: Path) -> FileImage:
    """The image of a PNG file; transparency is dropped, a palette becomes its colours."""
    content = path.read_bytes()
    _check_sides(content, path)
    data = np.asarray(imagecodecs.png_decode(content))
    indices = _indices(content)
    if data.ndim == 3 and data.shape[2] == _GREY_ALPHA:
        data = data[..., 0]
    rgb = data.ndim == 3
    return FileImage(
        data[..., :3] if rgb else data,
        "yxc" if rgb else "yx",
        _spacing_um(content),
        rgb,
        indices=indices,
    )


def _check_sides(content: bytes, path: Path) -> None:
    """Raise `ScanError` for sides that no library reads."""
    width, height = struct.unpack(">II", content[16:24].ljust(8, b"\0"))
    if max(width, height) > MOST_PX:
        raise ScanError(
            f"{path.name} says that it has {width} × {height} pixels; at most {MOST_PX} along each "
            "side are read. It is damaged, or has to be saved as OME-Zarr."
        )


def _indices(content: bytes) -> np.ndarray | None:
    """The numbers that a palette turns into colours; None for a PNG without a palette.

    No library returns them. So the file is decoded as if it were grey: without the palette, and
    with the type "grey" in its header.
    """
    chunks = list(_chunks(content))
    kind, header = chunks[0] if chunks else (b"", b"")
    if kind != b"IHDR" or header[9] != _PALETTE:
        return None
    bits = header[8]
    grey = [(b"IHDR", header[:9] + bytes([_GREY]) + header[10:])]
    grey += [chunk for chunk in chunks[1:] if chunk[0] in (b"IDAT", b"IEND")]
    data = np.asarray(imagecodecs.png_decode(content[:SIGNATURE_BYTES] + _joined(grey)))
    return data // np.uint8(255 // (2**bits - 1))  # fewer bits are spread over 0 to 255


def _joined(chunks: list[tuple[bytes, bytes]]) -> bytes:
    return b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )


def _chunks(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The kind and the content of each part of a PNG file."""
    start = SIGNATURE_BYTES
    while start + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[start : start + 8])
        yield kind, content[start + 8 : start + 8 + length]
        start += 12 + length


def _spacing_um(content: bytes) -> dict[str, float]:
    for kind, body in _chunks(content):
        if kind == b"pHYs" and len(body) == 9:
            return _of_chunk(*struct.unpack(">IIB", body))
        if kind == b"IDAT":
            return {}
    return {}


def _of_chunk(per_x: int, per_y: int, unit: int) -> dict[str, float]:
    sizes = {"y": pixel_um(per_y, "m"), "x": pixel_um(per_x, "m")} if unit == _METRE else {}
    known = {letter: size for letter, size in sizes.items() if size is not None}
    return known if len(known) == 2 else {}

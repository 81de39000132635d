"""PNG files in: grey of 1 to 16 bits, colours, palettes, and the pixel size where it is stated."""

import struct
from pathlib import Path

import imagecodecs
import numpy as np

from napari_unet.scans.formats.file_image import FileImage
from napari_unet.scans.units import pixel_um

SIGNATURE_BYTES = 8
_GREY_ALPHA = 2
_METRE = 1


def read(path: Path) -> FileImage:
    """The image of a PNG file; transparency is dropped, a palette becomes its colours."""
    content = path.read_bytes()
    data = np.asarray(imagecodecs.png_decode(content))
    if data.ndim == 3 and data.shape[2] == _GREY_ALPHA:
        data = data[..., 0]
    rgb = data.ndim == 3
    return FileImage(
        data[..., :3] if rgb else data, "yxc" if rgb else "yx", _spacing_um(content), rgb
    )


def _spacing_um(content: bytes) -> dict[str, float]:
    start = SIGNATURE_BYTES
    while start + 8 <= len(content):
        length, kind = struct.unpack(">I4s", content[start : start + 8])
        if kind == b"pHYs" and length == 9:
            return _of_chunk(*struct.unpack(">IIB", content[start + 8 : start + 17]))
        if kind == b"IDAT":
            return {}
        start += 12 + length
    return {}


def _of_chunk(per_x: int, per_y: int, unit: int) -> dict[str, float]:
    sizes = {"y": pixel_um(per_y, "m"), "x": pixel_um(per_x, "m")} if unit == _METRE else {}
    known = {letter: size for letter, size in sizes.items() if size is not None}
    return known if len(known) == 2 else {}

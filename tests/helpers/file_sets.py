"""OME-TIFFs whose planes are in several files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tifffile

PIXELS = (
    '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="{4}" SizeX="{2}" SizeY="{1}" '
    'SizeZ="{0}" SizeC="1" SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{3}</Pixels>'
)
OME = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="urn:uuid:{}">'
    '<Image ID="Image:0">{}</Image></OME>'
)


def write_set(folder: Path, names: Sequence[str], stack: np.ndarray) -> list[Path]:
    """One image, a plane in each file, all of which describe the whole."""
    planes = "".join(
        f'<TiffData FirstZ="{n}" FirstC="0" FirstT="0" IFD="0" PlaneCount="1">'
        f'<UUID FileName="{name}">urn:uuid:{n}</UUID></TiffData>'
        for n, name in enumerate(names)
    )
    for n, name in enumerate(names):
        pixels = PIXELS.format(len(names), *stack.shape[1:], planes, stack.dtype)
        text = OME.format(n, pixels)
        tifffile.imwrite(folder / name, stack[n], description=text.encode(), metadata=None)
    return [folder / name for name in names]

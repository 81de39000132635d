"""Results of runs, written as files without a run."""

from pathlib import Path

import numpy as np

from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.scan import Scan
from napari_unet.scans.write import open_result


def write_probabilities(path: Path, probabilities: np.ndarray, scan: Scan) -> None:
    """Write (classes, *scan.result_shape) as a run does: an image with a channel axis."""
    file = ResultFile(path, scan, np.float16, len(probabilities))
    with open_result(file) as array:
        array[...] = np.moveaxis(probabilities, 0, file.channel_axis)

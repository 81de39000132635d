"""A part of a scan in a file, on its way to the process that tries a model on it. No torch."""

import json
from pathlib import Path

import numpy as np

from napari_unet.scans.scan import Scan
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.suitability.part import ScanPart


def write_part(path: Path, part: ScanPart) -> None:
    """Write a part as .npz: its voxels, and what there is to know of them as JSON."""
    scan = part.scan
    facts = {
        "axes": scan.axes,
        "spacing": scan.spacing,
        "unit": scan.unit,
        "statistics": part.statistics.as_dict(),
    }
    np.savez(path, data=scan.data, facts=np.array(json.dumps(facts)))


def load_part(path: Path) -> ScanPart:
    """The part of such a file."""
    with np.load(path, allow_pickle=False) as found:
        facts = json.loads(str(found["facts"]))
        scan = Scan(found["data"], facts["axes"], tuple(facts["spacing"]), facts["unit"])
    return ScanPart(scan, FrameStatistics.from_dict(facts["statistics"]))

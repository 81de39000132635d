"""Floor 1: scans, where they come from, and the grids they live on."""

from napari_unet.scans.scan import Scan, scan_of

__all__ = ["Scan", "scan_of"]

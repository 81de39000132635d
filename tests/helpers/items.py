"""What a training is given, made for tests of what is decided before its first step."""

import numpy as np

from napari_unet.learn.data.corrections import PAINTED
from napari_unet.learn.data.item import TrainItem
from napari_unet.scans.scan import scan_of


def square_item(
    *shape: int,
    axes: str | None = None,
    spacing: tuple[float, ...] | None = None,
    px: int = 0,
    trusted: int | None = None,
) -> TrainItem:
    """Zeros with one square object, of which the first slices are trusted."""
    labels = np.zeros(shape, np.uint8)
    labels[..., 2 : 2 + px, 2 : 2 + px] = 1
    trust = None if trusted is None else np.zeros(shape, np.uint8)
    if trust is not None:
        trust[:trusted] = PAINTED
    return TrainItem(
        scan_of(np.zeros(shape, np.uint8), axes=axes or "zyx"[-len(shape) :], spacing=spacing),
        labels,
        trust,
    )

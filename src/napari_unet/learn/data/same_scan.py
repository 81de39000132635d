"""Which items show the same scan: what one of them holds out, no other of them may teach."""

import hashlib
from collections.abc import Sequence

import numpy as np

from napari_unet.learn.data.item import TrainItem
from napari_unet.scans.scan import Scan

SEED = 20150518
BLOCKS = 16  # compared of each scan
BLOCK_PX = 32  # along each axis


def scan_numbers(items: Sequence[TrainItem]) -> list[int]:
    """For each item the number of the first one that shows its scan: the same array, or one of
    equal form and content.

    Content is compared on blocks chosen by a seed from the shape; where these hold one value only,
    as black corners do, they do not say which scan it is.
    """
    numbers = list(range(len(items)))
    known = dict[object, int]()
    forms = [_form(item.scan) for item in items]
    for number, (item, form) in enumerate(zip(items, forms, strict=True)):
        if forms.count(form) == 1:
            continue  # nothing is read of a scan that is the only one of its form
        keys: list[object] = [(form, id(item.scan.data))]
        if keys[0] not in known and (sample := _sample(item.scan)) is not None:
            keys.append((form, sample))
        numbers[number] = next((known[key] for key in keys if key in known), number)
        known.update(dict.fromkeys(keys, numbers[number]))
    return numbers


def _form(scan: Scan) -> tuple[object, ...]:
    """What has to be equal for an index to mean the same voxel in both scans' labels."""
    return scan.shape, np.dtype(scan.data.dtype).str, scan.axes.find("c")


def _sample(scan: Scan) -> str | None:
    """A hash of some blocks of a scan; None where they hold one value."""
    rng = np.random.default_rng([SEED, *scan.shape])
    digest = hashlib.sha256()
    values = set[bytes]()
    for _ in range(BLOCKS):
        first = [int(rng.integers(0, max(1, n - BLOCK_PX + 1))) for n in scan.shape]
        block = np.ascontiguousarray(scan.data[tuple(slice(at, at + BLOCK_PX) for at in first)])
        digest.update(block.data)
        values.update(value.tobytes() for value in np.unique(block)[:2])
    return digest.hexdigest() if len(values) > 1 else None

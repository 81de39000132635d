"""The voxels of a frame that its statistics are computed from. No torch.

A small frame is read whole. Of a large one some whole chunks are read, chosen at random by a seed
that is the frame's shape, so that all who compute parts of one result choose alike.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from napari_unet.progress import GetControl, heed
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.statistics.no_data import EmptyValue, Evidence, border_values

WHOLE_VOXELS = 2**22  # frames up to this size are read whole
FEWEST_CHUNKS = 8
MOST_CHUNKS = 64
# voxels of a chunk: 64 of less would be few to judge by, and one of more takes much memory
CHUNK_VOXELS = (2**12, 2**24)
# what is read at once of an array whose chunks are smaller or larger, or that has none
BLOCK_PX = 512
BLOCK_SLICES = 8


@dataclass(frozen=True)
class FrameSample:
    """The `values` (channels, values) that were read of a frame.

    `blocks` are parts of it, (channels, *region), as they lie in the frame. For each value that may
    be no data, `evidence` was collected, and a mask (values) says where it is.
    """

    values: np.ndarray
    blocks: list[np.ndarray]
    evidence: list[Evidence]
    masks: list[np.ndarray]

    def image_values(self, channel: int, empty: Sequence[int]) -> np.ndarray:
        """The values of a channel but those that are no data by one of the values `empty`."""
        masks = [self.masks[n] for n in self._of_channel(channel, empty)]
        values: np.ndarray = self.values[channel]
        return values[~np.logical_or.reduce(masks)] if masks else values

    def with_and_without_specks(
        self, channel: int, empty: Sequence[int]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Values of a channel as they are, and the same without hot and dead pixels; both without
        no data.
        """
        images = [self._image_in(block, channel, empty) for block in self.blocks]
        raw = [block[channel][image] for block, image in zip(self.blocks, images, strict=True)]
        calm = [
            without_specks(block[channel])[image]
            for block, image in zip(self.blocks, images, strict=True)
        ]
        return _joined(raw), _joined(calm)

    def no_data(self, from_file: bool) -> list[int]:
        """The numbers of the values that are no data: at most one for all channels together, and
        one for each that has more of it. A value that the file itself gives needs no evidence.
        """
        found: dict[tuple[int, ...], int] = {}
        for number, (evidence, mask) in enumerate(zip(self.evidence, self.masks, strict=True)):
            channels = evidence.value.channels
            is_empty = (
                evidence.filled > 0 if from_file else evidence.is_no_data(self.values[:, ~mask])
            )
            if is_empty and channels not in found:
                found[channels] = number
        together = found.get(tuple(range(len(self.values))))
        return [number for number in found.values() if self._has_more(number, together)]

    def _has_more(self, number: int, together: int | None) -> bool:
        """Whether a channel's own value says more than that of all channels together."""
        if together is None or number == together:
            return True
        own = self.evidence[number]
        everywhere = self.evidence[together]
        same = everywhere.value.value[own.value.channels[0]] == own.value.value[0]
        return not same or own.filled > everywhere.filled

    def _of_channel(self, channel: int, empty: Sequence[int]) -> list[int]:
        return [number for number in empty if channel in self.evidence[number].value.channels]

    def _image_in(
        self, block: np.ndarray, channel: int, empty: Sequence[int]
    ) -> "np.ndarray | slice":
        """Where a channel of a block is image, to index it by."""
        numbers = self._of_channel(channel, empty)
        if not numbers:
            return slice(None)
        masks = [self.evidence[number].value.where(block) for number in numbers]
        image: np.ndarray = ~np.logical_or.reduce(masks)
        return image


def read_sample(
    scan: Scan,
    dimensions: int,
    frame: Index,
    control: GetControl,
    given: Sequence[EmptyValue] | None = (),
) -> FrameSample:
    """Read a frame, or some chunks of it; `given` are values that may be no data, None: those that
    fill pieces of its border.

    Of large chunks every k-th value is taken, so that neither time nor memory grow with the chunks.
    """
    regions = list(sample_regions(scan, dimensions))
    voxels = sum(math.prod(part.stop - part.start for part in region) for region in regions)
    step = max(1, voxels // WHOLE_VOXELS)
    source = _Source(scan, frame, regions)
    if given is None:
        given = border_values(source.read, scan.frame_shape(dimensions))
    evidence = [Evidence(value) for value in given]
    before = 0  # voxels of earlier regions
    blocks = []
    parts: list[list[np.ndarray]] = [[] for _ in range(1 + len(evidence))]
    for region in regions:
        heed(control)
        part = source.read(region)
        blocks.append(_middle(part, step))
        arrays = [part, *(each.take(part)[None] for each in evidence)]
        for collected, array in zip(parts, arrays, strict=True):
            collected.append(_every_kth(array, before, step))
        before += part[0].size
    values, *masks = [np.concatenate(each, axis=1) for each in parts]
    return FrameSample(values, blocks, evidence, [mask[0] for mask in masks])


class _Source:
    """Reads parts of a frame; one that lies in a single region is read once, and kept."""

    def __init__(self, scan: Scan, frame: Index, regions: Sequence[Slices]) -> None:
        self._scan = scan
        self._frame = frame
        self._whole = scan.read(frame, regions[0]) if len(regions) == 1 else None
        self._starts = [part.start for part in regions[0]]

    def read(self, region: Slices) -> np.ndarray:
        """A (channels, *region) part."""
        if self._whole is None:
            return self._scan.read(self._frame, region)
        inside = [
            slice(part.start - start, part.stop - start)
            for part, start in zip(region, self._starts, strict=True)
        ]
        return self._whole[(slice(None), *inside)]


def _joined(parts: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate([part.reshape(-1) for part in parts])


def _middle(part: np.ndarray, step: int) -> np.ndarray:
    """The middle of a (channels, *region) part, one k-th of it."""
    if step == 1:
        return part
    share = step ** (-1 / (part.ndim - 1))
    sides = [max(1, int(n * share)) for n in part.shape[1:]]
    middle = tuple(
        slice((n - side) // 2, (n - side) // 2 + side)
        for n, side in zip(part.shape[1:], sides, strict=True)
    )
    return part[(slice(None), *middle)].copy()


def _every_kth(part: np.ndarray, before: int, step: int) -> np.ndarray:
    """Every k-th value of a (channels, *region) part, counted on from those `before` it:
    (channels, values).
    """
    flat = part.reshape(len(part), -1)
    return flat if step == 1 else flat[:, -before % step :: step].copy()


def without_specks(part: np.ndarray) -> np.ndarray:
    """A (*region) part without hot and dead pixels: each voxel is clipped to the range of the eight
    beside it in its plane.
    """
    low = _over_neighbours(part, np.fmin)
    high = _over_neighbours(part, np.fmax)
    return np.clip(part, low, high, out=low)


def _over_neighbours(part: np.ndarray, extreme: np.ufunc) -> np.ndarray:
    """The least or the largest of the eight voxels beside each one, mirrored at the edges."""
    around = [(0, 0)] * (part.ndim - 2) + [(1, 1)] * 2
    padded = np.pad(part, around, mode="reflect" if min(part.shape[-2:]) > 1 else "edge")
    up = padded[..., :-2, :]
    own = padded[..., 1:-1, :]
    down = padded[..., 2:, :]
    above_and_below = extreme(up, down)
    columns = extreme(above_and_below, own)
    found: np.ndarray = extreme(columns[..., :-2], columns[..., 2:])
    return extreme(found, above_and_below[..., 1:-1], out=found)  # type: ignore[no-any-return]


def sample_regions(scan: Scan, dimensions: int) -> Iterator[Slices]:
    """The parts of each frame that are read: all of it, or some of its chunks."""
    shape = scan.frame_shape(dimensions)
    if math.prod(shape) <= WHOLE_VOXELS:
        yield tuple(slice(0, n) for n in shape)
        return
    chunk = _chunk_shape(scan, dimensions)
    grid = tuple(math.ceil(n / c) for n, c in zip(shape, chunk, strict=True))
    chunks = math.prod(grid)
    enough = max(math.ceil(WHOLE_VOXELS / math.prod(chunk)), FEWEST_CHUNKS)
    wanted = min(enough, MOST_CHUNKS, chunks)
    chosen = np.random.default_rng(list(shape)).choice(chunks, wanted, replace=False)
    for number in sorted(chosen):
        index = np.unravel_index(number, grid)
        yield tuple(
            slice(int(at) * c, min((int(at) + 1) * c, n))
            for at, c, n in zip(index, chunk, shape, strict=True)
        )


def _chunk_shape(scan: Scan, dimensions: int) -> tuple[int, ...]:
    """The shape of the data's own chunks (zarr, dask) if their size is sensible, else of blocks."""
    axes = scan.frame_axes(dimensions)
    shape = scan.frame_shape(dimensions)
    chunks = getattr(scan.data, "chunksize", None) or getattr(scan.data, "chunks", None)
    block = tuple(
        min(n, BLOCK_PX if a in "yx" else BLOCK_SLICES) for n, a in zip(shape, axes, strict=True)
    )
    if chunks is None or len(chunks) != len(scan.axes):
        return block
    own = tuple(int(chunks[scan.axes.index(a)]) for a in axes)
    least, most = CHUNK_VOXELS
    return own if least <= math.prod(own) <= most else block

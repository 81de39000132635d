"""A scan: an array that is never copied whole, its axes, and the size of its voxels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.units import to_um

SPATIAL = "zyx"
LETTERS = "tczyx"
COLOURS = (3, 4)
GREY_ALPHA = 2
MOST_VOXELS = 2**60
LEAST_UM = 1e-5  # of a voxel
LARGEST_UM = 1e12
LARGE_PX = 32  # sides of at least this many pixels are not taken for channels or colours
LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)  # ITU-R BT.709

Slices = tuple[slice, ...]
Index = tuple[int, ...]


@dataclass(frozen=True)
class Scan:
    """What is segmented: `data` (numpy, dask, zarr: anything that slices) and what its axes mean.

    `axes` has one letter of "tczyx" (or any other lower-case letter for a further axis) per axis of
    `data`; `spacing` has one number per spatial axis, in the order of `axes`; unit "pixel" means
    that the spacing is unknown. With `rgb`, the channel axis holds red, green, blue (and alpha).
    `channel_names` are those that the file gives, or none. `notes` are sentences that whoever uses the scan should be told; `no_data` is the value of voxels
    without image, where the file names one.
    """

    data: Any
    axes: str
    spacing: tuple[float, ...]
    unit: str = "pixel"
    rgb: bool = False
    notes: tuple[str, ...] = ()
    no_data: float | None = None
    channel_names: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = tuple(self.data.shape)
        if len(shape) != len(self.axes) or len(set(self.axes)) != len(self.axes):
            raise ScanError(
                f"The image has {len(shape)} axes {shape}, but the axes given are {self.axes!r}. Give one letter for each."
            )
        if not {"y", "x"} <= set(self.axes):
            raise ScanError(
                f"The axes {self.axes!r} have no 'y' and 'x'. Name the two axes of a slice 'y' and 'x'."
            )
        if math.prod(shape) > MOST_VOXELS:
            raise ScanError(
                f"The image is said to have {math.prod(shape):.1e} voxels, and no file holds so "
                "many. Its description is damaged; export it again."
            )
        if 0 in shape:
            raise ScanError(
                f"The image is empty: its shape is {shape}. Open one with at least one pixel."
            )
        kind = np.dtype(self.data.dtype).kind
        if kind not in "buif":
            raise ScanError(
                f"The image holds {self.data.dtype} values; expected whole or real numbers. Convert it first."
            )
        self._check_spacing()

    def _check_spacing(self) -> None:
        if len(self.spacing) != len(self.spatial_axes):
            raise ScanError(
                f"{len(self.spacing)} spacings were given for the axes {self.spatial_axes!r}. Give one for each."
            )
        if not all(math.isfinite(value) and value > 0 for value in self.spacing):
            raise ScanError(f"The spacing {self.spacing} must be positive numbers.")
        if self.spacing_known and not is_plausible(self.spacing, self.unit):
            raise ScanError(
                f"The voxel size {self.spacing} {self.unit} is none that an image has: it is from "
                f"{LEAST_UM:g} to {LARGEST_UM:g} µm. Correct it, or leave it out."
            )

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis of the data."""
        return tuple(int(n) for n in self.data.shape)

    @property
    def spatial_axes(self) -> str:
        """The spatial letters, in the order of the data."""
        return "".join(a for a in self.axes if a in SPATIAL)

    @property
    def result_axes(self) -> str:
        """The letters of a result: the data's own, without the channels."""
        return self.axes.replace("c", "")

    @property
    def result_shape(self) -> tuple[int, ...]:
        """The shape of a result: the data's own, without the channels."""
        return tuple(self._length(a) for a in self.result_axes)

    @property
    def channels(self) -> int:
        """Channels that a model sees; colours count as one (their luminance)."""
        return 1 if self.rgb or "c" not in self.axes else self._length("c")

    @property
    def spacing_known(self) -> bool:
        """Whether the spacing is a length, not only "one pixel"."""
        return self.unit != "pixel"

    def frame_axes(self, dimensions: int) -> str:
        """The letters of one frame, "yx" or "zyx"; raises `ScanError` if the scan has no such
        frames.
        """
        letters = SPATIAL[-dimensions:]
        if not set(letters) <= set(self.axes):
            raise ScanError(
                f"The model works on volumes (z, y, x), but the image has the axes {self.axes!r}. "
                "Choose a 2D model, or say which axis is z."
            )
        return letters

    def frame_shape(self, dimensions: int) -> tuple[int, ...]:
        """Length of each axis of a frame, in the order of `frame_axes`."""
        return tuple(self._length(a) for a in self.frame_axes(dimensions))

    def frame_spacing(self, dimensions: int) -> tuple[float, ...]:
        """Spacing of each axis of a frame, in the order of `frame_axes`."""
        known = dict(zip(self.spatial_axes, self.spacing, strict=True))
        return tuple(known[a] for a in self.frame_axes(dimensions))

    def grid_axes(self, dimensions: int) -> str:
        """The letters over which frames are counted."""
        frame = self.frame_axes(dimensions)
        return "".join(a for a in self.result_axes if a not in frame)

    def grid_shape(self, dimensions: int) -> tuple[int, ...]:
        """How many frames there are along each of `grid_axes`."""
        return tuple(self._length(a) for a in self.grid_axes(dimensions))

    def frames(self, dimensions: int) -> Iterator[Index]:
        """The index of every frame, in order."""
        return product(*(range(n) for n in self.grid_shape(dimensions)))

    def read(self, frame: Index, region: Slices) -> np.ndarray:
        """One region of one frame, and nothing else, as a fresh (channels, *region) array.

        Native byte order, C order; bool becomes uint8; colours become their luminance (float32).
        """
        axes = self.axes
        index = self._index(frame, region)
        part = np.asarray(self.data[tuple(index[a] for a in axes)])
        left = [a for a in axes if not isinstance(index[a], int)]
        wanted = [a for a in ("c", *self.frame_axes(len(region))) if a in left]
        part = part.transpose([left.index(a) for a in wanted])
        part = part if "c" in left else part[None]
        if part.dtype.kind == "b":
            part = part.astype(np.uint8)
        if self.rgb and "c" in left:
            part = np.tensordot(LUMINANCE, part[:3].astype(np.float32), axes=1)[None]
        return np.array(part, dtype=part.dtype.newbyteorder("="), order="C")

    def place(self, frame: Index, region: Slices) -> tuple[int | slice, ...]:
        """Where that region lies in an array of `result_shape`."""
        index = self._index(frame, region)
        return tuple(index[a] for a in self.result_axes)

    def to_place(self, part: np.ndarray) -> np.ndarray:
        """Turn an array in the order of `frame_axes` into the order in which `place` takes it."""
        frame = self.frame_axes(part.ndim)
        own = [a for a in self.result_axes if a in frame]
        return part.transpose([frame.index(a) for a in own])

    def _length(self, letter: str) -> int:
        return self.shape[self.axes.index(letter)]

    def _index(self, frame: Index, region: Slices) -> dict[str, int | slice]:
        dimensions = len(region)
        index: dict[str, int | slice] = {"c": slice(None)}
        index.update(zip(self.frame_axes(dimensions), region, strict=True))
        index.update(zip(self.grid_axes(dimensions), (int(i) for i in frame), strict=True))
        return index


def is_plausible(spacing: Sequence[float], unit: str = "um") -> bool:
    """Whether voxels can have this size."""
    return all(LEAST_UM <= (to_um(size, unit) or size) <= LARGEST_UM for size in spacing)


class ChannelStack:
    """Several arrays of one shape as the channels of one, put together only where it is sliced."""

    def __init__(self, channels: Sequence[Any]) -> None:
        shapes = {tuple(channel.shape) for channel in channels}
        if len(shapes) != 1:
            raise ScanError(
                f"The channels have different shapes: {sorted(shapes)}. Choose layers of one shape."
            )
        self._channels = list(channels)
        self.shape = (len(self._channels), *shapes.pop())
        self.dtype = np.result_type(*(channel.dtype for channel in self._channels))
        self.ndim = len(self.shape)

    def __getitem__(self, index: tuple[int | slice, ...]) -> np.ndarray:
        first = index[0]
        rest = tuple(index[1:])
        if isinstance(first, int):
            return np.asarray(self._channels[first][rest])
        return np.stack([np.asarray(channel[rest]) for channel in self._channels[first]])


class ChannelView:
    """One channel of an array, without its axis; read where it is sliced."""

    def __init__(self, array: Any, axis: int, channel: int) -> None:
        self._array = array
        self._axis = axis
        self._channel = channel
        self.shape = self._others(tuple(array.shape))
        self.dtype = np.dtype(array.dtype)
        self.ndim = len(self.shape)
        chunks = getattr(array, "chunksize", None) or getattr(array, "chunks", None)
        self.chunks = self._others(tuple(chunks or array.shape))

    def __getitem__(self, index: Any) -> np.ndarray:
        given = index if isinstance(index, tuple) else (index,)
        if Ellipsis in given:
            at = given.index(Ellipsis)
            rest = self.ndim - len(given) + 1
            given = (*given[:at], *(slice(None),) * rest, *given[at + 1 :])
        full = (*given, *(slice(None),) * (self.ndim - len(given)))
        return np.asarray(self._array[(*full[: self._axis], self._channel, *full[self._axis :])])

    def _others(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*values[: self._axis], *values[self._axis + 1 :])


def scan_of(
    image: Any,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    unit: str | None = None,
    rgb: bool = False,
    *,
    grey: bool = False,
) -> Scan:
    """Wrap an array (or a list of resolutions, finest first) as a `Scan`; nothing is read.

    Without `axes`, the last axes are z, y, x and those before them time and others. A spacing
    without a unit is in micrometres. `grey` says that one channel is wanted: then three or four
    numbers at the end are colours, and two are a grey level and its transparency.
    """
    data = _array_of(image)
    if grey and axes is None:
        data = _opaque(data)
    rgb = rgb or (grey and looks_coloured(data.shape, axes))
    axes = axes or default_axes(len(data.shape), rgb)
    spatial = [a for a in axes if a in SPATIAL]
    unit = unit or ("pixel" if spacing is None else "um")
    return Scan(data, axes, tuple(float(s) for s in spacing or [1.0] * len(spatial)), unit, rgb)


def _array_of(image: Any) -> Any:
    data = image[0] if _is_multiscale(image) else image
    return data if hasattr(data, "shape") and hasattr(data, "dtype") else np.asarray(data)


def _opaque(data: Any) -> Any:
    """The grey levels alone, where transparency stands beside them."""
    return ChannelView(data, len(data.shape) - 1, 0) if looks_transparent(data.shape) else data


def looks_coloured(shape: Sequence[int], axes: str | None = None) -> bool:
    """Whether three or four numbers stand last and are, or may well be, colours."""
    if len(shape) < 3 or shape[-1] not in COLOURS:
        return False
    return axes.endswith("c") if axes else min(shape[-3:-1]) >= LARGE_PX


def looks_transparent(shape: Sequence[int]) -> bool:
    """Whether two numbers stand last that are a grey level and its transparency: no image is two
    pixels wide.
    """
    return len(shape) > 2 and shape[-1] == GREY_ALPHA and min(shape[-3:-1]) >= LARGE_PX


def default_axes(ndim: int, rgb: bool = False) -> str:
    """The letters of an array about which nothing else is known."""
    letters = ("qpt" + SPATIAL)[-(ndim - rgb) :] if ndim - rgb <= 6 else ""
    if len(letters) < 2:
        raise ScanError(
            f"An array of {ndim} axes is not an image; expected 2 to 6. Give its axes, such as 'zyx'."
        )
    return letters + ("c" if rgb else "")


def _is_multiscale(image: Any) -> bool:
    levels = isinstance(image, (list, tuple)) and len(image) > 0 and hasattr(image[0], "shape")
    return levels or type(image).__name__ == "MultiScaleData"

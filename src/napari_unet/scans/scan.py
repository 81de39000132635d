"""A scan: an image array that is never copied whole, with its axes and the size of its voxels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.library_warnings import ReadWarnings, heard_by
from napari_unet.scans.units import to_um
from napari_unet.scans.views import ChannelView

SPATIAL = "zyx"
LETTERS = "tczyx"
RGB_CHANNELS = (3, 4)  # how many channels an image in colours has, with transparency or without
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
    """An image: `data` is a numpy, dask or zarr array, or any other that can be sliced.

    - `axes` has a letter for each axis of the data: t (time), c (channel), z, y, x, or any other
      lower-case letter for a further one.
    - `spacing` is the size of a voxel along the spatial axes, in their order in `axes`. With the
      unit "pixel" it is not known.
    - `rgb` says that the channels are red, green, blue (and alpha).
    - `notes` are sentences that the user should read; `all_notes` has those on reads, too.
    - `no_data` is the value of voxels outside the image, if the file names one.
    - `channel_names` are those in the file, if there are any.
    - `warned` takes what libraries warn of in reads of the data.
    """

    data: Any
    axes: str
    spacing: tuple[float, ...]
    unit: str = "pixel"
    rgb: bool = False
    notes: tuple[str, ...] = ()
    no_data: float | None = None
    channel_names: tuple[str, ...] = ()
    warned: ReadWarnings = field(default_factory=ReadWarnings, compare=False, repr=False)

    def __post_init__(self) -> None:
        shape = tuple(self.data.shape)
        if len(shape) != len(self.axes) or len(set(self.axes)) != len(self.axes):
            raise ScanError(
                f"The image has {len(shape)} axes {shape}, but the axes given are {self.axes!r}. "
                "Give one letter for each."
            )
        if not {"y", "x"} <= set(self.axes):
            raise ScanError(
                f"The axes {self.axes!r} have no 'y' and 'x'. Name the two axes of a slice 'y' and "
                "'x'."
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
                f"The image holds {self.data.dtype} values; expected whole or real numbers. "
                "Convert it first."
            )
        self._check_spacing()

    def _check_spacing(self) -> None:
        if len(self.spacing) != len(self.spatial_axes):
            raise ScanError(
                f"{len(self.spacing)} spacings were given for the axes {self.spatial_axes!r}. Give "
                "one for each."
            )
        if not all(math.isfinite(value) and value > 0 for value in self.spacing):
            raise ScanError(f"The spacing {self.spacing} must be positive numbers.")
        if self.spacing_known and not is_plausible(self.spacing, self.unit):
            raise ScanError(
                f"The voxel size {self.spacing} {self.unit} is none that an image has: it is from "
                f"{LEAST_UM:g} to {LARGEST_UM:g} µm. Correct it, or leave it out."
            )

    @property
    def all_notes(self) -> tuple[str, ...]:
        """The notes, and those on what libraries have warned of until now, each once."""
        return tuple(dict.fromkeys((*self.notes, *self.warned.notes)))

    def named_notes(self, name: str) -> tuple[str, ...]:
        """All notes, each with what the scan is called; as they are where it has no name."""
        return tuple(f"{name}: {note}" if name else note for note in self.all_notes)

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
        """Read a region of a frame, and nothing else, as a new (channels, *region) array.

        Native byte order, C order; bool becomes uint8; colours become their luminance (float32).
        """
        index = self._index(frame, region)
        with heard_by(self.warned):
            part = np.asarray(self.data[tuple(index[a] for a in self.axes)])
        left = [a for a in self.axes if not isinstance(index[a], int)]  # a number drops its axis
        wanted = [a for a in ("c", *self.frame_axes(len(region))) if a in left]
        part = part.transpose([left.index(a) for a in wanted])
        part = part if "c" in left else part[None]
        if part.dtype.kind == "b":
            part = part.astype(np.uint8)
        if self.rgb and "c" in left:
            with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinite
                part = np.tensordot(LUMINANCE, part[:3].astype(np.float32), axes=1)[None]
        return np.array(part, dtype=part.dtype.newbyteorder("="), order="C")

    def result_index(self, frame: Index, region: Slices) -> tuple[int | slice, ...]:
        """The index of that region in an array of `result_shape`."""
        index = self._index(frame, region)
        return tuple(index[a] for a in self.result_axes)

    def to_result_axes(self, part: np.ndarray) -> np.ndarray:
        """Turn an array in the order of `frame_axes` into the order of `result_axes`."""
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


def scan_of(
    image: Any,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    unit: str | None = None,
    rgb: bool = False,
    *,
    grey: bool = False,
) -> Scan:
    """Wrap an array, or a list of its resolutions (finest first), as a `Scan`; nothing is read.

    Without `axes`, the last axes are z, y and x, and those before them are time and others. A
    spacing without a unit is in micrometres. With `grey`, an array without channels is expected:
    then a last axis of three or four numbers holds colours, and one of two a grey level and its
    transparency.
    """
    data = _array_of(image)
    if grey and axes is None:
        data = _opaque(data)
    rgb = rgb or (grey and may_be_rgb(data.shape, axes))
    axes = axes or default_axes(len(data.shape), rgb)
    spatial = [a for a in axes if a in SPATIAL]
    unit = unit or ("pixel" if spacing is None else "um")
    return Scan(data, axes, tuple(float(s) for s in spacing or [1.0] * len(spatial)), unit, rgb)


def _array_of(image: Any) -> Any:
    data = image[0] if _is_multiscale(image) else image
    return data if hasattr(data, "shape") and hasattr(data, "dtype") else np.asarray(data)


def _opaque(data: Any) -> Any:
    """The grey levels without their transparency, if there is any."""
    return ChannelView(data, len(data.shape) - 1, 0) if may_be_grey_alpha(data.shape) else data


def may_be_rgb(shape: Sequence[int], axes: str | None = None) -> bool:
    """Whether the last axis has three or four numbers that are, or may well be, colours."""
    if len(shape) < 3 or shape[-1] not in RGB_CHANNELS:
        return False
    return axes.endswith("c") if axes else min(shape[-3:-1]) >= LARGE_PX


def may_be_grey_alpha(shape: Sequence[int]) -> bool:
    """Whether the last axis has two numbers, a grey level and its transparency: no image is two
    pixels wide.
    """
    return len(shape) > 2 and shape[-1] == GREY_ALPHA and min(shape[-3:-1]) >= LARGE_PX


def default_axes(ndim: int, rgb: bool = False) -> str:
    """The letters for the axes of an array of which nothing else is known."""
    letters = ("qpt" + SPATIAL)[-(ndim - rgb) :] if ndim - rgb <= 6 else ""
    if len(letters) < 2:
        raise ScanError(
            f"An array of {ndim} axes is not an image; expected 2 to 6. Give its axes, such as "
            "'zyx'."
        )
    return letters + ("c" if rgb else "")


def _is_multiscale(image: Any) -> bool:
    levels = isinstance(image, (list, tuple)) and len(image) > 0 and hasattr(image[0], "shape")
    return levels or type(image).__name__ == "MultiScaleData"

"""What readers return: an image as its file has it, and arrays that stay in the file."""

import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.library_warnings import heard_by, listener


@dataclass(frozen=True)
class FileImage:
    """An image as its file has it.

    - `axes` are the letters of its axes; "" if the file does not name them.
    - `spacing_um` has the voxel sizes that are known, by letter.
    - `notes` are sentences that the user should read.
    - `indices` are the numbers that a colour table turns into `data`; in a file of labels, they are
      the labels.
    - `no_data` is the value of voxels outside the image, if the file names one.
    - With `alpha`, the last channel is transparency.
    """

    data: Any
    axes: str = ""
    spacing_um: Mapping[str, float] = field(default_factory=dict)
    rgb: bool = False
    notes: tuple[str, ...] = ()
    indices: np.ndarray | None = None
    no_data: float | None = None
    channel_names: tuple[str, ...] = ()
    alpha: bool = False


class StoredArray:
    """An array that stays in its file: every failure to read a part becomes one `ScanError`, and
    what is warned of then goes to who listened when the file was opened.
    """

    def __init__(self, array: Any, path: Path, close: Callable[[], None] | None = None) -> None:
        self._array = array
        self._path = path
        self._warnings = listener()
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = np.dtype(array.dtype)
        self.ndim = len(self.shape)
        self.chunks: tuple[int, ...] = tuple(getattr(array, "chunks", None) or self.shape)
        if close is not None:
            weakref.finalize(self, close)

    def __getitem__(self, index: Any) -> np.ndarray:
        try:
            with heard_by(self._warnings):
                return np.asarray(self._array[index])
        except MemoryError:
            raise
        except Exception as error:
            raise damaged(self._path, error) from error


class InvertedArray:
    """Whole numbers of which 0 means white, inverted when they are read."""

    def __init__(self, array: Any, most: int) -> None:
        self._array = array
        self._most = most
        self.shape: tuple[int, ...] = tuple(array.shape)
        self.dtype = np.dtype(array.dtype)
        self.ndim = len(self.shape)
        self.chunks: tuple[int, ...] = tuple(getattr(array, "chunks", None) or self.shape)

    def __getitem__(self, index: Any) -> np.ndarray:
        part = np.asarray(self._array[index])
        if self.dtype.kind == "b":
            return ~part
        return np.asarray(self.dtype.type(self._most) - part)


def damaged(path: Path, error: Exception) -> ScanError:
    """The error for a file that has the right name and beginning, and can not be read."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    return ScanError(
        f"{path.name} can not be read: {reason}. It is truncated, damaged or of a kind not "
        "supported; export it again."
    )

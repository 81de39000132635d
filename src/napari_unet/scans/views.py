"""Arrays made of others, of which only the parts that are read are put together."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_unet.errors import ScanError


class ChannelStack:
    """Several arrays of the same shape as the channels of one."""

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
    """One channel of an array that stays where it is, without the channel axis."""

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
            at = given.index(Ellipsis)  # stands for as many axes as are not named
            rest = self.ndim - len(given) + 1
            given = (*given[:at], *(slice(None),) * rest, *given[at + 1 :])
        full = (*given, *(slice(None),) * (self.ndim - len(given)))
        return np.asarray(self._array[(*full[: self._axis], self._channel, *full[self._axis :])])

    def _others(self, values: tuple[Any, ...]) -> tuple[Any, ...]:
        return (*values[: self._axis], *values[self._axis + 1 :])

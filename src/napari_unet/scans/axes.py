"""A plain guess at what the axes of an array mean; the user can change it."""

from collections.abc import Sequence
from string import ascii_lowercase

from napari_unet.scans.scan import LARGE_PX, default_axes

MOST_CHANNELS = 4  # a longer first axis is taken for slices
_NAMES = {
    "time": "t",
    "frame": "t",
    "channel": "c",
    "channels": "c",
    "depth": "z",
    "plane": "z",
    "slice": "z",
}
_NAMES.update({letter: letter for letter in ascii_lowercase})


def guess_axes(
    shape: Sequence[int],
    dimensions: int,
    rgb: bool = False,
    labels: Sequence[str] = (),
    channels: int = 1,
) -> str:
    """Guess one letter for each axis of an array of `shape`, for a model of `dimensions` and
    `channels`.

    - Axis labels are used if all of them are known names.
    - Colours are the last axis; the last two of the others are y and x.
    - If the model needs several channels, an axis before y and x that has as many is the channels;
      else a first axis of 2 to 4, if all other sides have at least 32 pixels. This needs enough
      other axes for the model's frames.
    - The other axes are z, t, p and q, from the last to the first.

    Without labels, a model of one channel gets no channel axis: three axes are a stack, four are a
    stack over time.
    """
    known = known_axes(labels)
    if len(known) == len(shape):
        return known
    axes = default_axes(len(shape), rgb)
    wanted = channels > 1 and not rgb and len(shape) > dimensions
    axis = _channel_axis(tuple(shape), channels) if wanted else None
    if axis is None:
        return axes
    others = default_axes(len(shape) - 1)
    return others[:axis] + "c" + others[axis:]


def known_axes(labels: Sequence[str]) -> str:
    """The letters of axis labels ("Time" is t); "" if one is unknown or double, or y or x is not
    there.
    """
    letters = [_NAMES.get(str(label).strip().lower(), "") for label in labels]
    once = len(set(letters)) == len(letters)
    return "".join(letters) if all(letters) and once and {"y", "x"} <= set(letters) else ""


def _channel_axis(shape: tuple[int, ...], channels: int) -> int | None:
    """Which axis before y and x may hold the channels."""
    leading = shape[:-2]
    if channels in leading:
        return leading.index(channels)
    if leading and 2 <= leading[0] <= MOST_CHANNELS and min(shape[1:]) >= LARGE_PX:
        return 0
    return None

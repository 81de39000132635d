"""What the axes of an array mean, where nothing says it: a plain guess that the user can change."""

from collections.abc import Sequence
from string import ascii_lowercase

from napari_unet.scans.scan import LARGE_PX, default_axes

MOST_CHANNELS = 4
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

    The rule: axis labels that are all known names are believed. Colours are the last axis, and the
    last two of the others are y and x. Where the model wants several channels, a leading axis of
    that length is the channels, else a first axis of 2 to 4 beside sides of at least 32, as long as
    enough axes are left for its frames. What is left before y and x is z, then t, then p and q,
    from the inside out. A grey model never sees channels in an unlabelled array: three axes are a
    stack, four are a stack over time.
    """
    known = known_axes(labels)
    if len(known) == len(shape):
        return known
    axes = default_axes(len(shape), rgb)
    wanted = channels > 1 and not rgb and len(shape) > dimensions
    place = _channel_axis(tuple(shape), channels) if wanted else None
    if place is None:
        return axes
    rest = default_axes(len(shape) - 1)
    return rest[:place] + "c" + rest[place:]


def known_axes(labels: Sequence[str]) -> str:
    """The letters that axis labels stand for ("Time" is t), or "" where one is unknown or y or x is
    missing.
    """
    letters = [_NAMES.get(str(label).strip().lower(), "") for label in labels]
    whole = all(letters) and len(set(letters)) == len(letters) and {"y", "x"} <= set(letters)
    return "".join(letters) if whole else ""


def _channel_axis(shape: tuple[int, ...], channels: int) -> int | None:
    leading = shape[:-2]
    if channels in leading:
        return leading.index(channels)
    if leading and 2 <= leading[0] <= MOST_CHANNELS and min(shape[1:]) >= LARGE_PX:
        return 0
    return None

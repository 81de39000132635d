"""The channels of an image: their names, and the choice of some of them. Nothing is read for it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.scans.scan import Scan
from napari_unet.scans.views import ChannelStack, ChannelView
from napari_unet.words import all_of, plural

COLOUR_NAMES = ("red", "green", "blue", "alpha")
ALPHA = "alpha"
MOST_NAMED = 8

Choice = int | str


def pick_channels(scan: Scan, chosen: Choice | Sequence[Choice] | None) -> Scan:
    """The scan with only these channels, in this order; the scan itself if none is chosen.

    A channel is chosen by its number, counted from 0, or by its name; a name that is a number goes
    first. The colours of an RGB image are named red, green, blue and alpha. A single channel leaves
    no channel axis. Raises `ScanError` if there is no such channel.
    """
    wanted = [chosen] if isinstance(chosen, (int, str)) else list(chosen or ())
    if not wanted:
        return scan
    if "c" not in scan.axes:
        raise ScanError(
            f"The axes {scan.axes!r} of the image have no channels to choose from. Leave the "
            "channel out, or say which axis the channels are: 'cyx', for example (--axes)."
        )
    numbers = [_number(scan, choice) for choice in wanted]
    labels = all_of(_label(scan, number) for number in numbers)
    note = f"Of {describe_channels(scan)}, {labels} {'is' if len(numbers) == 1 else 'are'} used."
    return replace(with_channels(scan, numbers), notes=(*scan.notes, note))


def with_channels(scan: Scan, numbers: Sequence[int]) -> Scan:
    """The scan with the channels of these numbers, in this order."""
    axis = scan.axes.index("c")
    views = [_view(scan, axis, number) for number in numbers]
    rest = scan.axes.replace("c", "")
    names = channel_names(scan)
    chosen = tuple(names[number] for number in numbers) if names else ()
    first = replace(scan, data=views[0], axes=rest, rgb=False, channel_names=chosen)
    if len(views) == 1:
        return first
    return replace(first, data=ChannelStack(views), axes="c" + rest)


def without_alpha(scan: Scan) -> Scan:
    """The scan without its last channel, which is transparency."""
    return with_channels(scan, range(scan.shape[scan.axes.index("c")] - 1))


def channel_names(scan: Scan) -> tuple[str, ...]:
    """The names of all channels; none if they have no names."""
    count = scan.shape[scan.axes.index("c")] if "c" in scan.axes else 0
    names = COLOUR_NAMES if scan.rgb and not scan.channel_names else scan.channel_names
    names = names[:count] if names == COLOUR_NAMES else names  # alpha is not always there
    return names if len(names) == count else ()


def describe_channels(scan: Scan) -> str:
    """The number of channels and their names: "2 channels (0 DAPI and 1 GFP)"."""
    count = scan.shape[scan.axes.index("c")] if "c" in scan.axes else 1
    labels = [_label(scan, number) for number in range(min(count, MOST_NAMED + 1))]
    listed = all_of(labels) if count <= MOST_NAMED else f"{', '.join(labels[:-1])} …"
    return f"{plural(count, 'channel')} ({listed})"


def _label(scan: Scan, number: int) -> str:
    names = channel_names(scan)
    return f"{number} {names[number]}".strip() if names else str(number)


def _number(scan: Scan, choice: Choice) -> int:
    names = channel_names(scan)
    count = scan.shape[scan.axes.index("c")]
    text = str(choice)
    if isinstance(choice, str):
        same = [n for n, name in enumerate(names) if name == text]
        same = same or [n for n, name in enumerate(names) if name.casefold() == text.casefold()]
        if len(same) == 1:
            return same[0]
    if text.isdecimal() and int(text[:9]) < count and len(text) <= 9:
        return int(text)
    raise ScanError(
        f"There is no one channel {text[:80]!r}; the image has {describe_channels(scan)}. "
        "Choose one by its number or its name."
    )


def _view(scan: Scan, axis: int, number: int) -> object:
    if isinstance(scan.data, np.ndarray):
        return scan.data[(slice(None),) * axis + (number,)]
    return ChannelView(scan.data, axis, number)

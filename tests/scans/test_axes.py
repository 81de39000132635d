"""What the axes are, guessed by one plain rule."""

import pytest

from napari_unet.scans.axes import guess_axes, known_axes


@pytest.mark.parametrize(
    ("shape", "dimensions", "channels", "expected"),
    [
        ((64, 64), 2, 1, "yx"),
        ((10, 64, 64), 2, 1, "zyx"),
        ((3, 64, 64), 2, 1, "zyx"),
        ((10, 64, 64), 3, 1, "zyx"),
        ((5, 10, 64, 64), 3, 1, "tzyx"),
        ((3, 64, 64), 2, 3, "cyx"),
        ((2, 64, 64), 2, 3, "cyx"),
        ((2, 64, 64), 3, 2, "zyx"),
        ((10, 64, 64), 2, 3, "zyx"),
        ((3, 4, 5), 2, 2, "zyx"),
        ((10, 2, 64, 64), 2, 2, "zcyx"),
        ((2, 10, 64, 64), 3, 2, "czyx"),
        ((4, 2, 10, 64, 64), 3, 2, "tczyx"),
    ],
)
def test_guess(shape: tuple[int, ...], dimensions: int, channels: int, expected: str) -> None:
    assert guess_axes(shape, dimensions, channels=channels) == expected


def test_colours_are_the_last_axis() -> None:
    assert guess_axes((64, 64, 3), 2, rgb=True) == "yxc"
    assert guess_axes((9, 64, 64, 4), 2, rgb=True, channels=3) == "zyxc"


def test_known_labels_are_believed_and_others_not() -> None:
    assert guess_axes((3, 64, 64), 2, labels=("time", "Y", "x")) == "tyx"
    assert guess_axes((3, 64, 64), 2, labels=("axis -3", "axis -2", "axis -1")) == "zyx"
    assert guess_axes((3, 64, 64), 2, labels=("y", "x")) == "zyx"
    assert known_axes(("z", "z", "y", "x")) == ""
    assert known_axes(("channel", "y", "x")) == "cyx"

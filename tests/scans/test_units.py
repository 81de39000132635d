"""Lengths in micrometres."""

import pytest

from napari_unet.scans.units import pixel_um, to_um


@pytest.mark.parametrize(
    ("length", "unit", "um"),
    [
        (2, "um", 2),
        (2, "µm", 2),
        (2, "\\u00B5m", 2),
        (250, "nm", 0.25),
        (0.5, "Millimeter", 500),
        (1, "inch", 25_400),
        (3, " micron ", 3),
        (3, "micrometers", 3),
        (3, "\u03bcm", 3),
        (3, "Âµm", 3),
        (40, "nanometers", 0.04),
        (1, "inches", 25_400),
        (-2, "um", 2),
    ],
)
def test_lengths(length: float, unit: str, um: float) -> None:
    assert to_um(length, unit) == pytest.approx(um)


@pytest.mark.parametrize(
    ("length", "unit"),
    [(1, "pixel"), (1, ""), (1, "second"), (0, "um"), (float("nan"), "um"), (float("inf"), "um")],
)
def test_what_is_no_length(length: float, unit: str) -> None:
    assert to_um(length, unit) is None


def test_a_printing_resolution_is_no_pixel_size() -> None:
    assert pixel_um(300, "inch") is None
    assert pixel_um(72, "inch") is None
    assert pixel_um(0, "cm") is None
    assert pixel_um(20_000, "cm") == pytest.approx(0.5)

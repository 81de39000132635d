"""Which part of a scan a model is tried on."""

import numpy as np
import pytest

from helpers.tiny import smooth_image, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.progress import always_continue
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.suitability import part
from napari_unet.segment.suitability.part import ScanPart, read_part
from napari_unet.segment.tiles.queue import Focus

SPEC = tiny_spec()
COUNTING = np.arange(40 * 60, dtype=np.uint16).reshape(40, 60)


@pytest.fixture(autouse=True)
def _small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(part, "SIDES", {2: 16, 3: 8})


def read(scan: Scan, view: Focus | None = None, spacing: float | None = None) -> ScanPart:
    spec = tiny_spec(spacing=None if spacing is None else (spacing, spacing))
    return read_part(scan, spec, SegmentSettings(), view, always_continue)


def test_it_is_the_middle_with_the_statistics_of_the_whole_frame() -> None:
    scan = scan_of(COUNTING)
    found = read(scan)
    assert np.array_equal(found.scan.data[0], COUNTING[12:28, 22:38])
    assert found.statistics == frame_statistics(scan, 2, (), SPEC.normalization)


def test_it_lies_around_the_point_in_view_and_inside_the_frame() -> None:
    stack = np.stack([COUNTING, COUNTING + 5000])
    found = read(scan_of(stack), Focus((1,), (39.0, 30.0)))
    assert np.array_equal(found.scan.data[0], COUNTING[24:40, 22:38] + 5000)


def test_it_has_the_same_size_for_the_model_whatever_the_pixel_size() -> None:
    found = read(scan_of(COUNTING, spacing=(0.5, 0.5)), spacing=1.0)
    assert found.scan.shape == (1, 32, 32)
    assert found.scan.spacing == (0.5, 0.5)


def test_an_image_that_is_smaller_is_taken_whole() -> None:
    assert read(scan_of(COUNTING[:5])).scan.shape == (1, 5, 16)


def test_a_mirrored_part_keeps_its_statistics() -> None:
    found = read(scan_of(COUNTING))
    turned = found.mirrored(-1)
    assert np.array_equal(turned.scan.data, found.scan.data[..., ::-1])
    assert turned.statistics is found.statistics


def test_an_image_that_the_model_can_not_run_on_is_refused() -> None:
    with pytest.raises(ScanError, match="needs one channel"):
        read(scan_of(smooth_image((4, 8, 8)), axes="cyx"))

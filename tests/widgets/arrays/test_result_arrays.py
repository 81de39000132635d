import gc
from types import SimpleNamespace

import numpy as np
import pytest

from helpers.tiny import tiny_spec
from napari_unet.errors import OutputError
from napari_unet.scans.scan import Scan
from napari_unet.segment.job import plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.arrays import mapped_array as big_array
from napari_unet.widgets.arrays.result_arrays import ResultArrays, part_to_write
from napari_unet.widgets.arrays.trust_map import TrustMap


def make(axes="tyx", shape=(2, 8, 6), classes=2, keep=True) -> ResultArrays:
    scan = Scan(np.zeros(shape, np.uint8), axes, (1.0,) * sum(a in "zyx" for a in axes))
    return ResultArrays(
        plan_job(tiny_spec(classes=classes), scan, SegmentSettings(keep_probabilities=keep))
    )


def tile(classes=2, height=4) -> SimpleNamespace:
    channels = 1 if classes == 2 else classes
    return SimpleNamespace(
        frame=(1,),
        region=(slice(0, height), slice(0, 6)),
        labels=np.ones((height, 6), np.uint8),
        probabilities=np.full((channels, height, 6), 0.75, np.float16),
        provisional=False,
    )


def test_a_tile_goes_where_it_belongs():
    arrays = make()
    arrays.write(tile())
    assert arrays.labels[1, :4].all()
    assert arrays.labels.sum() == 24
    assert arrays.done.done[1, :4].all()
    assert not arrays.done.complete


@pytest.mark.parametrize(("classes", "shape"), [(2, (2, 8, 6)), (3, (3, 2, 8, 6))])
def test_probabilities_are_kept_where_asked_for(classes, shape):
    arrays = make(classes=classes)
    arrays.write(tile(classes))
    assert arrays.probabilities.shape == shape
    assert (arrays.probabilities[..., 1, :4, :] == 0.75).all()
    assert make(keep=False).probabilities is None


def test_axes_in_another_order_are_turned():
    arrays = make("xty", (6, 2, 8))
    arrays.write(tile())
    assert arrays.labels[:, 1, :4].all()
    assert arrays.labels.sum() == 24


def test_nothing_is_written_after_the_scan_was_forgotten():
    arrays = make()
    arrays.release_scan()
    arrays.write(tile())
    assert not arrays.labels.any()


@pytest.mark.parametrize(
    ("axes", "shape", "part"),
    [("tyx", (5, 8, 6), (2, 3, 4)), ("xty", (6, 5, 8), (4, 2, 3)), ("yx", (8, 6), (3, 4))],
)
def test_the_part_that_is_written_is_known_beforehand(axes, shape, part):
    scan = Scan(np.zeros(shape, np.uint8), axes, (1.0,) * sum(a in "zyx" for a in axes))
    frames = [(1,), (2,)] if "t" in axes else None
    job = plan_job(tiny_spec(), scan, SegmentSettings(), frames, (slice(1, 4), slice(0, 4)))
    assert part_to_write(job) == part


def test_a_slice_of_a_scan_that_is_too_large_for_the_disk_can_be_segmented(monkeypatch, tmp_path):
    gc.collect()
    monkeypatch.setattr(big_array, "IN_MEMORY_BYTES", 1000)
    monkeypatch.setattr(big_array, "user_cache_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=big_array.SPARE_BYTES + 60_000)
    )
    scan = Scan(np.broadcast_to(np.uint8(0), (200, 40, 40)), "tyx", (1.0, 1.0))
    settings = SegmentSettings(keep_probabilities=True)
    with pytest.raises(OutputError):
        ResultArrays(plan_job(tiny_spec(), scan, settings))
    arrays = ResultArrays(plan_job(tiny_spec(), scan, settings, [(7,)]))
    assert TrustMap(arrays.labels, arrays.prediction).trust.shape == scan.shape

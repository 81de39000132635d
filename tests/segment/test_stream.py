"""What a tile says where the image says nothing, and what is refused before a tile is made."""

import pickle
from functools import partial

import numpy as np
import pytest

from napari_unet import SegmentSettings, segment
from napari_unet.errors import ScanError
from napari_unet.model.model import Model
from napari_unet.scans.scan import scan_of
from napari_unet.segment.job import plan_job
from napari_unet.segment.semantic import decide
from napari_unet.segment.stream import stream
from tiny import smooth_image, tiny_model, tiny_spec

FLAT = tiny_model(tiny_spec(classes=3))
BINARY = tiny_model(tiny_spec())


@pytest.mark.parametrize("model", [FLAT, BINARY])
def test_what_is_not_finite_stays_background_whatever_the_threshold(model: Model) -> None:
    image = smooth_image((40, 40))
    image[10:20, 15:30] = np.nan
    settings = SegmentSettings(tile_px=16, keep_probabilities=True)
    for tile in stream(model, plan_job(model.spec, scan_of(image), settings)):
        hole = np.isnan(image[tile.region])
        assert tile.probabilities is not None
        assert not decide(tile.probabilities, 1e-6)[hole].any()
        total = tile.probabilities.sum(axis=0)[hole]
        np.testing.assert_array_equal(total, 0 if len(tile.probabilities) == 1 else 1)


def test_the_verb_can_be_sent_to_another_process() -> None:
    assert pickle.loads(pickle.dumps(segment)) is segment
    assert pickle.loads(pickle.dumps(partial(segment, model=FLAT.spec))).func is segment


def test_a_model_of_another_task_is_refused() -> None:
    spec = tiny_spec().model_copy(update={"task": "instances"})
    with pytest.raises(ScanError, match="tiny tells single objects apart"):
        plan_job(spec, scan_of(smooth_image((20, 20))), SegmentSettings())

import numpy as np

from napari_unet.learn.data.item import ItemBox, TrainItem
from napari_unet.learn.judging.held_out import HoldOut
from napari_unet.learn.judging.sampling_units import NOT_JUDGED, JudgedRegions
from napari_unet.learn.judging.training_regions import MOST_FRAMES, MOST_VOXELS, training_regions
from napari_unet.scans.scan import scan_of

EXCLUDED = HoldOut((), (ItemBox(0, (slice(0, 10), slice(0, 40))),), JudgedRegions())


def item(trust: np.ndarray) -> TrainItem:
    return TrainItem(
        scan_of(np.zeros(trust.shape, np.float32)), np.zeros(trust.shape, np.uint8), trust
    )


def test_they_are_what_is_trusted_and_neither_held_out_nor_in_a_margin() -> None:
    trust = np.zeros((40, 40), np.uint8)
    trust[5:20, 8:30] = 1
    (region,) = training_regions([item(trust)], EXCLUDED, 2).regions
    seen = np.zeros(trust.shape, bool)
    seen[region.slices] = region.unit_numbers != NOT_JUDGED
    wanted = trust > 0
    wanted[:10] = False
    np.testing.assert_array_equal(seen, wanted)


def test_where_nothing_is_left_there_are_none() -> None:
    trust = np.zeros((40, 40), np.uint8)
    trust[:9] = 2
    assert training_regions([item(trust)], EXCLUDED, 2) == JudgedRegions((), 0, "training")


def test_of_many_and_large_frames_some_are_taken() -> None:
    stack = TrainItem(
        scan_of(np.zeros((30, 400, 300), np.uint8), axes="zyx"), np.zeros((30, 400, 300), np.uint8)
    )
    found = training_regions([stack], HoldOut((), (), JudgedRegions()), 2)
    assert len(found.regions) == MOST_FRAMES
    voxels = sum(region.unit_numbers.size for region in found.regions)
    assert 0.8 * MOST_VOXELS < voxels <= MOST_VOXELS
    assert {region.frame[0] for region in found.regions} >= {0, 29}

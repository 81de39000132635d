import numpy as np

from napari_unet.learn.data.item import Box, TrainItem
from napari_unet.learn.judging.held_out import HoldOut
from napari_unet.learn.judging.regions import MOST_FRAMES, MOST_VOXELS, taught_of
from napari_unet.learn.judging.sampling_units import NOWHERE, Judged
from napari_unet.scans.scan import scan_of

ROOM = HoldOut((), (Box(0, (slice(0, 10), slice(0, 40))),), Judged())


def item(trust: np.ndarray) -> TrainItem:
    return TrainItem(
        scan_of(np.zeros(trust.shape, np.float32)), np.zeros(trust.shape, np.uint8), trust
    )


def test_taught_is_what_is_trusted_and_neither_held_out_nor_in_a_band() -> None:
    trust = np.zeros((40, 40), np.uint8)
    trust[5:20, 8:30] = 1
    (piece,) = taught_of([item(trust)], ROOM, 2).pieces
    seen = np.zeros(trust.shape, bool)
    seen[piece.region] = piece.units != NOWHERE
    wanted = trust > 0
    wanted[:10] = False
    np.testing.assert_array_equal(seen, wanted)


def test_where_nothing_is_left_there_is_nothing_to_ask() -> None:
    trust = np.zeros((40, 40), np.uint8)
    trust[:9] = 2
    assert taught_of([item(trust)], ROOM, 2) == Judged((), 0, "taught")


def test_of_many_and_large_frames_some_are_asked_about() -> None:
    stack = TrainItem(
        scan_of(np.zeros((30, 400, 300), np.uint8), axes="zyx"), np.zeros((30, 400, 300), np.uint8)
    )
    found = taught_of([stack], HoldOut((), (), Judged()), 2)
    assert len(found.pieces) == MOST_FRAMES
    assert 0.8 * MOST_VOXELS < sum(piece.units.size for piece in found.pieces) <= MOST_VOXELS
    assert {piece.frame[0] for piece in found.pieces} >= {0, 29}

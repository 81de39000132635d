"""Every way to change labels, by real mouse events, and what is trusted after each."""

import numpy as np
import pytest
from qtpy.QtCore import Qt

from helpers.strokes import RIGHT, Hand
from napari_unet.learn.data.corrections import PAINTED, REVIEWED
from napari_unet.widgets.painting.tracked_layers import copy_corrections, track

pytestmark = pytest.mark.viewer
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


@pytest.fixture
def hand(viewer):
    """A mouse over a prediction with one object of label 1."""
    prediction = np.zeros((60, 80), np.uint8)
    prediction[20:40, 20:40] = 1
    return Hand(viewer, viewer.add_labels(prediction.copy(), name="cells · tiny"))


@pytest.fixture
def trust(hand):
    return track(hand.layer)


def trusted(hand) -> np.ndarray:
    return copy_corrections(hand.layer).trust


def disc(point, size, shape=(60, 80)) -> np.ndarray:
    rows, columns = np.ogrid[: shape[0], : shape[1]]
    return (rows - point[0]) ** 2 + (columns - point[1]) ** 2 <= (size // 2 + 0.5) ** 2


def test_the_brush_is_trusted_where_it_went(hand, trust):
    hand.use("paint", 1, 7).drag((10, 60))
    np.testing.assert_array_equal(trusted(hand) == PAINTED, disc((10, 60), 7))
    np.testing.assert_array_equal(hand.layer.data[disc((10, 60), 7)], 1)


def test_the_same_label_painted_again_is_trusted_too(hand, trust):
    hand.use("paint", 1, 7).drag((30, 30))
    assert not len(hand.layer._undo_history)  # napari has seen nothing
    np.testing.assert_array_equal(trusted(hand) == PAINTED, disc((30, 30), 7))


def test_a_long_stroke_is_one_step(hand, trust):
    hand.use("paint", 2, 5).drag((10, 10), (10, 40), (50, 70))
    assert trust.amount().labels == {2: int((hand.layer.data == 2).sum())}
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not (hand.layer.data == 2).any()
    assert not trusted(hand).any()


def test_the_eraser_teaches_background(hand, trust):
    hand.use("erase", 1, 9).drag((30, 30))
    np.testing.assert_array_equal(trusted(hand) == PAINTED, disc((30, 30), 9))
    assert trust.amount().labels == {0: int(disc((30, 30), 9).sum())}


def test_label_0_painted_on_background_is_background(hand, trust):
    hand.use("paint", 0, 5).drag((8, 8))
    np.testing.assert_array_equal(trusted(hand) == PAINTED, disc((8, 8), 5))


def test_the_bucket_is_trusted_where_it_filled(hand, trust):
    hand.use("fill", 3).drag((30, 30), (31, 31))
    expected = np.zeros((60, 80), bool)
    expected[20:40, 20:40] = True
    np.testing.assert_array_equal(trusted(hand) == PAINTED, expected)
    assert (hand.layer.data[expected] == 3).all()


def test_an_object_clicked_with_its_own_label_is_vouched_for(hand, trust):
    hand.layer.data[50:55, 50:60] = 1
    trust.map.known[:] = hand.layer.data
    hand.use("fill", 1).drag((30, 30))
    assert (trusted(hand)[20:40, 20:40] == PAINTED).all()
    assert trusted(hand).sum() == 400  # not the other object


def test_the_background_clicked_with_its_own_label_is_not(hand, trust):
    hand.use("fill", 0).drag((5, 5))
    assert not trusted(hand).any()


def test_the_bucket_does_not_vouch_for_what_it_slips_onto(hand, trust):
    hand.layer.data[20:40, 40:60] = 2
    trust.map.known[:] = hand.layer.data
    hand.use("fill", 2).drag((30, 30), (30, 50))
    assert trusted(hand).sum() == 400


def click_corners(hand: Hand, *corners: tuple[int, int]) -> None:
    """Draw a polygon, and close it."""
    for corner in corners:
        hand.drag(corner)
        hand.hover(corner)
    hand.key(Qt.Key.Key_Return)


def test_the_polygon(hand, trust):
    hand.use("polygon", 2)
    click_corners(hand, (10, 50), (10, 70), (30, 70))
    assert (hand.layer.data == 2).sum() > 150
    np.testing.assert_array_equal(trusted(hand) == PAINTED, hand.layer.data == 2)


def test_the_polygon_over_its_own_label(hand, trust):
    hand.use("polygon", 1)
    click_corners(hand, (22, 22), (22, 38), (38, 38))
    assert 100 < trusted(hand).sum() < 200


def test_encircling_with_the_right_button_fills_and_is_one_step(hand, trust):
    hand.use("paint", 2, 3)
    hand.drag((5, 50), button=RIGHT)
    hand.hover(
        (5, 50),
        (5, 60),
        (5, 70),
        (15, 70),
        (25, 70),
        (25, 60),
        (25, 50),
        (15, 50),
        (8, 50),
        (5, 50),
    )
    assert hand.layer.data[15, 60] == 2
    np.testing.assert_array_equal(trusted(hand) == PAINTED, hand.layer.data == 2)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not trusted(hand).any()


def test_an_encircling_given_up_is_not_trusted(hand, trust):
    hand.use("paint", 2, 3)
    hand.drag((5, 50), button=RIGHT)
    hand.hover((5, 55), (5, 70), (15, 70))
    assert (hand.layer.data == 2).any()
    hand.key(Qt.Key.Key_Escape)
    assert not (hand.layer.data == 2).any()
    assert not trusted(hand).any()


def test_preserved_labels_are_not_vouched_for(hand, trust):
    hand.layer.preserve_labels = True
    hand.use("paint", 2, 21).drag((30, 20))
    mask = disc((30, 20), 21)
    np.testing.assert_array_equal(trusted(hand) == PAINTED, mask & (hand.layer.data == 2))
    assert (hand.layer.data[20:40, 20:40] == 1).all()


def test_preserving_labels_the_own_label_under_the_brush_is_trusted(hand, trust):
    hand.layer.preserve_labels = True
    hand.use("paint", 1, 9).drag((30, 30))
    np.testing.assert_array_equal(trusted(hand) == PAINTED, disc((30, 30), 9))


def test_undo_takes_the_trust_back_and_redo_gives_it_again(hand, trust):
    hand.use("paint", 2, 7)
    hand.drag((10, 10))
    hand.drag((10, 14))
    both = disc((10, 10), 7) | disc((10, 14), 7)
    last = disc((10, 10), 7)
    np.testing.assert_array_equal(trusted(hand) == PAINTED, both)
    hand.key(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(trusted(hand) == PAINTED, last)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not trusted(hand).any()
    hand.key(Qt.Key.Key_Z, CTRL)  # nothing left to undo
    hand.key(Qt.Key.Key_Z, CTRL, SHIFT)
    np.testing.assert_array_equal(trusted(hand) == PAINTED, last)
    hand.key(Qt.Key.Key_Z, CTRL, SHIFT)
    hand.key(Qt.Key.Key_Z, CTRL, SHIFT)
    np.testing.assert_array_equal(trusted(hand) == PAINTED, both)


def test_a_stroke_that_changed_nothing_is_no_step_of_undo(hand, trust):
    hand.use("paint", 2, 7).drag((10, 60))
    hand.use("paint", 1, 7).drag((30, 30))  # its own label
    hand.key(Qt.Key.Key_Z, CTRL)
    np.testing.assert_array_equal(trusted(hand) == PAINTED, disc((30, 30), 7))


def test_undo_of_what_was_painted_over_a_review_leaves_the_review(hand, trust):
    trust.mark((slice(0, 60), slice(0, 80)), REVIEWED)
    hand.use("paint", 2, 7).drag((10, 60))
    hand.key(Qt.Key.Key_Z, CTRL)
    assert (trusted(hand) == REVIEWED).all()


def test_undo_of_what_was_painted_before_the_layer_was_followed(viewer):
    hand = Hand(viewer, viewer.add_labels(np.zeros((60, 80), np.uint8)))
    hand.use("paint", 2, 7).drag((10, 60))
    track(hand.layer)
    hand.use("paint", 2, 7).drag((40, 20))
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not trusted(hand).any()
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not hand.layer.data.any()
    np.testing.assert_array_equal(
        trusted(hand) == PAINTED, disc((10, 60), 7)
    )  # it differs from what was there


def test_undo_goes_back_no_further_than_napari_does(hand, trust):
    hand.use("paint", 2, 3)
    for column in range(5, 75):
        hand.layer.paint((5, column), 2)
        hand.layer.paint((15, column), 2)
    for _ in range(110):
        hand.layer.undo()
    np.testing.assert_array_equal(trusted(hand) == PAINTED, hand.layer.data == 2)
    assert (hand.layer.data == 2).any()


def test_painting_in_another_slice_is_undone_there(viewer):
    hand = Hand(viewer, viewer.add_labels(np.zeros((5, 60, 80), np.uint8)))
    trust = track(hand.layer)
    viewer.dims.set_current_step(0, 3)
    hand.use("paint", 1, 7).drag((10, 60))
    viewer.dims.set_current_step(0, 1)
    hand.drag((40, 20))
    assert trust.amount().slices == 2
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert not trusted(hand).any()


def test_a_ball_of_three_dimensions(viewer):
    hand = Hand(viewer, viewer.add_labels(np.zeros((9, 60, 80), np.uint8), scale=(2, 1, 1)))
    track(hand.layer)
    hand.layer.n_edit_dimensions = 3
    viewer.dims.set_current_step(0, 4)
    hand.use("paint", 1, 9).drag((30, 40))
    assert {int(z) for z in np.nonzero(trusted(hand))[0]} == {2, 3, 4, 5, 6}
    np.testing.assert_array_equal(trusted(hand) == PAINTED, hand.layer.data == 1)


def test_a_view_turned_on_its_side(viewer):
    hand = Hand(viewer, viewer.add_labels(np.zeros((30, 40, 50), np.uint8)))
    track(hand.layer)
    viewer.dims.order = (1, 0, 2)
    viewer.reset_view()
    viewer.dims.set_current_step(1, 12)
    hand.use("paint", 1, 5).drag((15, 20))
    assert {int(y) for y in np.nonzero(trusted(hand))[1]} == {12}
    np.testing.assert_array_equal(trusted(hand) == PAINTED, hand.layer.data == 1)

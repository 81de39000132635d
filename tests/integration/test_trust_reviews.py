"""Slices, regions and layers that are right; the overlay that shows and takes trust; keys that
collide with none.
"""

import numpy as np
import pytest
from app_model.types import KeyBinding
from napari import layers
from napari._app_model import get_app_model
from napari.components import ViewerModel
from napari.utils.shortcuts import default_shortcuts
from npe2 import PluginManager
from qtpy.QtCore import Qt

from helpers.strokes import Hand
from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import PAINTED, REVIEWED, UNTRUSTED
from napari_unet.widgets.painting import commands as review_commands
from napari_unet.widgets.painting.commands import SLICE_KEY, bind_keys
from napari_unet.widgets.painting.overlay import corrected_layer, overlay_of, show_overlay
from napari_unet.widgets.painting.region_tool import NAME, RegionTool, drawn_box
from napari_unet.widgets.painting.review import layer_is_right, region_is_right, slice_is_right
from napari_unet.widgets.painting.tracked_layers import copy_corrections, track
from napari_unet.widgets.viewer.labels_facts import shown_box
from napari_unet.widgets.viewer.layer_facts import MARK
from napari_unet.widgets.viewer.preferences import PLUGIN

pytestmark = pytest.mark.viewer
CTRL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier
SHAPE = (4, 60, 80)


@pytest.fixture
def layer(viewer):
    return viewer.add_labels(
        np.ones(SHAPE, np.uint8), name="cells", scale=(2, 0.5, 0.5), translate=(1, 5, 7)
    )


@pytest.fixture
def shown(monkeypatch):
    said = []
    monkeypatch.setattr(review_commands, "show_info", said.append)
    monkeypatch.setattr(review_commands, "show_warning", said.append)
    return said


def half_done(layer) -> None:
    done = np.zeros((4, 6, 8), bool)
    done[:3] = True
    done[2, 3:] = False
    layer.metadata = {MARK: {"kind": "result", "complete": False, "done_map": done}}


def run(command: str) -> None:
    get_app_model().commands.execute_command(f"{PLUGIN}.{command}").result()


def test_this_slice_is_right(viewer, layer):
    viewer.dims.set_current_step(0, 2)
    assert slice_is_right(viewer, layer) == "Slice 2 is trusted as it is now."
    trust = copy_corrections(layer).trust
    assert (trust[2] == REVIEWED).all()
    assert not trust[[0, 1, 3]].any()
    track(layer).mark(shown_box(layer), UNTRUSTED)
    assert not copy_corrections(layer).trust.any()


def test_this_slice_of_a_turned_view_is_right(viewer, layer):
    viewer.dims.order = (2, 0, 1)
    viewer.dims.set_current_step(2, 30)
    slice_is_right(viewer, layer)
    trust = copy_corrections(layer).trust
    assert (trust[:, :, 30] == REVIEWED).all()
    assert (trust > 0).sum() == 4 * 60


def test_a_slice_needs_the_flat_view(viewer, layer):
    viewer.dims.ndisplay = 3
    with pytest.raises(ScanError, match="2D view"):
        slice_is_right(viewer, layer)
    with pytest.raises(ScanError, match="2D view"):
        RegionTool(viewer, layer)


def test_the_whole_layer_is_right(layer):
    assert layer_is_right(layer) == "The layer cells is trusted as it is now."
    assert (copy_corrections(layer).trust == REVIEWED).all()


def test_what_was_never_computed_is_refused_with_the_reason(viewer, layer):
    half_done(layer)
    viewer.dims.set_current_step(0, 1)
    slice_is_right(viewer, layer)
    viewer.dims.set_current_step(0, 2)
    with pytest.raises(
        ScanError, match="Slice 2 can not be called right: some of it was never computed"
    ):
        slice_is_right(viewer, layer)
    with pytest.raises(ScanError, match="never computed"):
        layer_is_right(layer)
    region_is_right(layer, (slice(2, 3), slice(0, 30), slice(0, 80)))
    with pytest.raises(ScanError, match="never computed"):
        region_is_right(layer, (slice(2, 3), slice(0, 31), slice(0, 80)))
    assert (copy_corrections(layer).trust > 0).sum() == 60 * 80 + 30 * 80


def test_a_region_is_drawn_with_the_mouse(viewer, layer, qtbot):
    hand = Hand(viewer, layer)
    viewer.dims.set_current_step(0, 3)
    tool = RegionTool(viewer, layer)
    with qtbot.waitSignal(tool.done):
        hand.drag((9.6, 19.6), (20, 40), (30.4, 50.4))
    trust = copy_corrections(layer).trust
    assert (trust[3, 10:31, 20:51] == REVIEWED).all()
    assert (trust > 0).sum() == 21 * 31
    qtbot.waitUntil(lambda: NAME not in viewer.layers)
    assert viewer.layers.selection.active is layer


def test_a_region_outside_is_refused(viewer, layer, qtbot):
    hand = Hand(viewer, layer)
    tool = RegionTool(viewer, layer)
    with qtbot.waitSignal(tool.refused) as refused:
        hand.drag((-9, -9), (-5, -5), (-3, -3))
    assert "outside" in refused.args[0]
    qtbot.waitUntil(lambda: NAME not in viewer.layers)


@pytest.mark.parametrize("which", ["layer", "tool"])
def test_the_region_tool_goes_when_a_layer_goes(viewer, layer, qtbot, which):
    tool = RegionTool(viewer, layer)
    qtbot.wait(50)
    viewer.layers.remove(layer if which == "layer" else viewer.layers[NAME])
    qtbot.waitUntil(lambda: NAME not in viewer.layers)
    assert tool not in RegionTool._alive


def test_a_box_holds_the_voxels_whose_centres_it_holds():
    corners = np.array([[2.0, 0.4, 3.0], [2.0, 0.4, 5.2], [2.0, 3.9, 5.2], [2.0, 3.9, 3.0]])
    assert drawn_box(corners) == (slice(2, 3), slice(1, 4), slice(3, 6))


def test_the_overlay_shows_what_is_trusted_as_it_is_painted(viewer, layer, qtbot):
    hand = Hand(viewer, layer)
    overlay = show_overlay(viewer, layer)
    np.testing.assert_allclose(overlay.extent.world, layer.extent.world)
    assert viewer.layers.selection.active is layer
    hand.use("paint", 2, 7).drag((30, 40))
    step = viewer.dims.current_step[0]
    assert overlay.data[step, 30, 40] == PAINTED
    qtbot.waitUntil(lambda: overlay._slice.image.view[30, 40] == PAINTED)


def test_trust_is_given_without_change_and_taken_back_in_the_overlay(viewer, layer):
    hand = Hand(viewer, layer)
    overlay = show_overlay(viewer, layer)
    viewer.dims.set_current_step(0, 1)
    hand.use("paint", 2, 21).drag((30, 40))
    hand.layer = viewer.layers.selection.active = overlay
    hand.use("erase", 1, 9).drag((30, 40))
    found = copy_corrections(layer)
    assert (layer.data[1, 27:34, 40] == 2).all()  # changed
    assert not found.trust[1, 27:34, 40].any()  # and yet not trusted
    assert found.trust[1, 30, 48] == PAINTED
    hand.use("paint", 2, 5).drag((50, 10))
    assert copy_corrections(layer).trust[1, 50, 10] == REVIEWED
    assert (layer.data[1, 48:53, 10] == 1).all()
    hand.key(Qt.Key.Key_Z, CTRL)
    hand.key(Qt.Key.Key_Z, CTRL)
    assert copy_corrections(layer).trust[1, 30, 40] == PAINTED
    assert not copy_corrections(layer).trust[1, 50, 10]
    assert track(layer).amount().labels == {2: int((layer.data == 2).sum())}


def test_the_overlay_knows_no_other_trust(viewer, layer):
    overlay = show_overlay(viewer, layer)
    overlay.selected_label = 7
    assert overlay.selected_label == REVIEWED
    overlay.paint((0, 10, 10), 9)
    assert set(np.unique(copy_corrections(layer).trust)) == {0, PAINTED}


def test_what_was_never_computed_can_not_be_trusted_in_the_overlay(viewer, layer):
    half_done(layer)
    overlay = show_overlay(viewer, layer)
    overlay.brush_size = 11
    overlay.paint((2, 30, 40), REVIEWED)
    trust = copy_corrections(layer).trust
    assert trust[2, :30].any()
    assert not trust[2, 30:].any()


def test_the_overlay_is_one_and_goes_with_its_layer(viewer, layer, qtbot):
    overlay = show_overlay(viewer, layer)
    assert show_overlay(viewer, layer, visible=False) is overlay
    assert not overlay.visible
    assert corrected_layer(overlay) is layer
    assert overlay_of(viewer, layer) is overlay
    qtbot.wait(50)
    viewer.layers.remove(layer)
    qtbot.waitUntil(lambda: not len(viewer.layers))


def test_a_deleted_overlay_takes_no_trust_along(viewer, layer, qtbot):
    overlay = show_overlay(viewer, layer)
    layer.paint((0, 10, 10), 2)
    qtbot.wait(50)
    viewer.layers.remove(overlay)
    layer.paint((0, 40, 40), 2)
    assert copy_corrections(layer).trust[0, 10, 10] == PAINTED
    assert show_overlay(viewer, layer).data[0, 40, 40] == PAINTED


def test_the_overlay_follows_an_array_of_another_shape(viewer, layer):
    overlay = show_overlay(viewer, layer)
    layer.data = np.zeros((2, 30, 20), np.uint8)
    assert overlay.data.shape == (2, 30, 20)


def test_the_key_says_that_the_slice_is_right(viewer, layer, shown):
    bind_keys(viewer)
    hand = Hand(viewer, layer)
    viewer.dims.set_current_step(0, 3)
    hand.key(Qt.Key.Key_R, CTRL, SHIFT)
    assert shown == ["Slice 3 is trusted as it is now."]
    assert (copy_corrections(layer).trust[3] == REVIEWED).all()


def test_the_commands_of_the_manifest(viewer, layer, shown, qtbot):
    run("mark_layer")
    run("toggle_trust")
    assert overlay_of(viewer, layer).visible
    viewer.layers.selection.active = overlay_of(viewer, layer)
    run("mark_slice")  # of the layer whose overlay it is
    run("toggle_trust")
    assert not overlay_of(viewer, layer).visible
    run("mark_region")
    assert NAME in viewer.layers
    assert shown[0] == "The layer cells is trusted as it is now."
    assert len(shown) == 2
    qtbot.wait(50)
    viewer.layers.remove(NAME)


def test_a_command_without_labels_says_what_to_do(viewer, shown):
    viewer.add_image(np.zeros((20, 20)))
    run("mark_slice")
    assert "Select the Labels layer" in shown[0]


def test_the_key_is_the_manifests_and_collides_with_none_of_naparis(viewer, layer):
    ours = KeyBinding.from_str(SLICE_KEY.replace("Control", "Ctrl").replace("-", "+"))
    declared = PluginManager.instance().get_manifest(PLUGIN).contributions.keybindings
    assert [KeyBinding.from_str(item.key) for item in declared] == [ours]
    taken = {key for keys in default_shortcuts.values() for key in keys}
    kinds = [ViewerModel, type(viewer), *(getattr(layers, name) for name in layers.__all__)]
    taken |= {key for kind in kinds for key in getattr(kind, "class_keymap", {})}
    taken |= {entry.keybinding for entry in get_app_model().keybindings}
    assert len(taken) > 80
    assert ours not in taken
    assert KeyBinding.from_str("Ctrl+O") in taken

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_unet.errors import ScanError
from napari_unet.scans.scan import Scan
from napari_unet.segment.tiles.queue import Focus
from napari_unet.widgets.viewer.focus import focus_of, part_in_view, slice_shown


def make(shape=(4, 3, 40, 60), axes="tzyx", **words):
    viewer = ViewerModel()
    layer = viewer.add_image(np.zeros(shape), **words)
    scan = Scan(layer.data, axes, (1.0,) * sum(a in "zyx" for a in axes))
    return viewer, layer, scan, axes


def look(viewer, point, centre):
    viewer.dims.point = point
    viewer.scene.camera.center = (0, *centre)


def test_the_middle_of_the_canvas_comes_first():
    things = make()
    look(things[0], (2, 1, 0, 0), (10, 50))
    assert focus_of(*things, dimensions=2) == Focus((2, 1), (10.0, 50.0))
    assert focus_of(*things, dimensions=3) == Focus((2,), (1.0, 10.0, 50.0))


def test_the_focus_is_in_voxels_whatever_the_scale():
    things = make((40, 60), "yx", scale=(0.5, 0.5), translate=(100, 0))
    look(things[0], (100, 0), (105, 25))
    assert focus_of(*things, dimensions=2) == Focus((), (10.0, 50.0))


def test_all_of_it_unless_told_otherwise():
    assert part_in_view(*make(), 2, False, False) == (None, None)


def test_the_current_slice_of_a_2d_model():
    things = make()
    look(things[0], (2, 1, 0, 0), (10, 50))
    assert part_in_view(*things, 2, True, False) == ([(2, 1)], (slice(0, 40), slice(0, 60)))


def test_the_current_slice_of_a_3d_model_is_one_slice_of_its_volume():
    things = make()
    look(things[0], (2, 1, 0, 0), (10, 50))
    assert part_in_view(*things, 3, True, False) == (
        [(2,)],
        (slice(1, 2), slice(0, 40), slice(0, 60)),
    )


def test_the_region_in_view():
    things = make()
    things[1].corner_pixels = np.array([[0, 0, 5, 7], [0, 0, 20, 90]])
    frames, region = part_in_view(*things, 2, False, True)
    assert len(frames) == 12
    assert region == (slice(5, 21), slice(7, 60))


def test_the_current_slice_in_the_3d_view_is_that_of_the_sliders():
    things = make()
    viewer = things[0]
    look(viewer, (2, 1, 0, 0), (10, 50))
    viewer.dims.ndisplay = 3
    viewer.scene.camera.center = (2, 10, 50)
    assert part_in_view(*things, 2, True, False) == ([(2, 1)], (slice(0, 40), slice(0, 60)))
    assert part_in_view(*things, 3, True, False) == (
        [(2,)],
        (slice(1, 2), slice(0, 40), slice(0, 60)),
    )


def test_the_region_in_view_needs_the_2d_view():
    things = make()
    things[0].dims.ndisplay = 3
    with pytest.raises(ScanError, match="2D view"):
        part_in_view(*things, 2, False, True)


def test_a_slice_through_the_side_of_a_volume():
    things = make((4, 40, 60), "zyx")
    viewer, layer, *_ = things
    viewer.dims.order = (2, 0, 1)
    look(viewer, (0, 0, 7), (1, 30))
    layer.corner_pixels = np.array([[1, 5, 0], [2, 20, 0]])
    assert slice_shown(viewer, layer) == (1, 30, 7)
    assert part_in_view(*things, 3, True, False)[1] == (slice(0, 4), slice(0, 40), slice(7, 8))
    assert part_in_view(*things, 3, True, True)[1] == (slice(1, 3), slice(5, 21), slice(7, 8))


def test_a_turned_layer():
    things = make((4, 40, 60), "zyx", rotate=90, translate=(0, 5, 100))
    viewer, layer, *_ = things
    look(viewer, (2, 0, 0), tuple(layer.data_to_world((2, 10, 50))[1:]))
    assert focus_of(*things, dimensions=2) == Focus((2,), pytest.approx((10.0, 50.0)))
    assert part_in_view(*things, 2, True, False) == ([(2,)], (slice(0, 40), slice(0, 60)))


def test_of_several_resolutions_the_region_is_in_voxels_of_the_finest():
    viewer = ViewerModel()
    levels = [np.zeros((3, 40, 60)), np.zeros((3, 20, 30))]
    layer = viewer.add_image(levels, multiscale=True)
    layer.data_level = 1
    layer.corner_pixels = np.array([[0, 2, 3], [2, 9, 30]])
    scan = Scan(levels[0], "zyx", (1.0,) * 3)
    look(viewer, (2, 0, 0), (10, 50))
    frames, region = part_in_view(viewer, layer, scan, "zyx", 2, True, True)
    assert frames == [(2,)]
    assert region == (slice(4, 20), slice(6, 60))


def test_channels_are_no_place():
    things = make((2, 40, 60), "cyx")
    look(things[0], (1, 0, 0), (10, 50))
    assert focus_of(*things, dimensions=2) == Focus((), (10.0, 50.0))
    assert part_in_view(*things, 2, True, False) == ([()], (slice(0, 40), slice(0, 60)))


@pytest.mark.parametrize(("centre", "voxel"), [((10, 50), (1, 10, 50)), ((-99, 999), (1, 0, 59))])
def test_the_shown_voxel_is_inside(centre, voxel):
    viewer, layer, *_ = make((3, 40, 60), "zyx")
    look(viewer, (1, 0, 0), centre)
    assert slice_shown(viewer, layer) == voxel

from dataclasses import replace

import numpy as np
import pytest

import napari_unet as nu
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.learn import halo as halo_module
from napari_unet.learn import halo_regions as regions_module
from napari_unet.learn.halo import measured_halo, seconds_to_measure
from napari_unet.learn.halo_regions import HaloRegion, halo_regions
from napari_unet.model.geometry import exact_halo
from napari_unet.model.model import Model
from napari_unet.model.spec import MeasuredHalo
from napari_unet.progress import Control, always_continue
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.engine.torch_engine import TorchEngine

SIDE = 48
SPEC = tiny_spec(3, depth=1)  # an exact halo of 8 at a stride of 2


@pytest.fixture(autouse=True)
def _few_voxels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regions_module, "FEWEST_VOXELS", 20**3)
    monkeypatch.setattr(regions_module, "COMPARED_VOXELS", 22**3)
    monkeypatch.setattr(halo_module, "MOST_CHANGED", 0.02)  # a random network sees far
    monkeypatch.setattr(halo_module, "MOST_CHANGED_OF_CLASS", 1.0)


def cloud(*shape: int, seed: int = 0) -> Scan:
    return scan_of(smooth_image(shape, seed), axes="zyx")


def measured(model: Model, regions: list[HaloRegion]) -> MeasuredHalo | None:
    return measured_halo(model, TorchEngine(model.network), regions, always_continue)


def test_regions_are_so_far_inside_that_a_tile_of_them_is_cut_on_every_side() -> None:
    (region,) = halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)])
    reach = exact_halo(SPEC.architecture)[0]
    assert region.free == (True, True, True)
    assert all(reach <= part.start and part.stop <= SIDE - reach for part in region.slices)


def test_an_axis_that_is_too_short_is_left_exact() -> None:
    scan = cloud(10, 80, 80)
    (region,) = halo_regions(SPEC, [scan])
    assert region.free == (False, True, True)
    found = measured(tiny_model(SPEC), [region])
    assert found is not None
    exact = exact_halo(SPEC.architecture)
    assert found.voxels[0] == exact[0]
    assert found.voxels[1] < exact[1]


def test_where_there_is_too_little_to_measure_on_the_halo_stays_exact() -> None:
    assert halo_regions(SPEC, [cloud(24, 24, 24)]) == []
    assert halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)] * 3) != []
    assert len(halo_regions(SPEC, [cloud(34, 34, 34)])) == 0
    assert len(halo_regions(SPEC, [cloud(34, 34, 34)] * 4)) > 1  # together they are enough


def test_it_is_measured_for_volumes_alone() -> None:
    assert halo_regions(tiny_spec(2, depth=1), [scan_of(smooth_image((200, 200)))]) == []
    assert halo_regions(tiny_spec(3, depth=1, norm="instance"), [cloud(SIDE, SIDE, SIDE)]) != []


def test_the_least_halo_with_which_the_labels_stay_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    model = tiny_model(SPEC)
    regions = halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)])
    strict = measured(model, regions)
    monkeypatch.setattr(halo_module, "MOST_CHANGED", 0.5)
    loose = measured(model, regions)
    assert loose is not None
    assert loose.voxels == (2, 2, 2)
    assert loose.changed > 0.02  # so that the strict one has to be larger
    assert strict is not None
    assert 2 < strict.voxels[0] < exact_halo(SPEC.architecture)[0]
    assert strict.changed <= 0.02
    assert strict.compared >= 20**3


def test_where_there_is_next_to_nothing_of_a_class_the_halo_stays_exact() -> None:
    base = tiny_model(SPEC)
    scan = cloud(SIDE, SIDE, SIDE)
    model = Model(base.spec.model_copy(update={"threshold": 0.999}), base.network, "")
    assert nu.segment(scan, model).mean() < 1e-3  # so that any halo would do
    assert measured(model, halo_regions(SPEC, [scan])) is None


def test_no_class_may_lose_more_than_a_hundredth(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model(SPEC)
    regions = halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)])
    monkeypatch.setattr(halo_module, "MOST_CHANGED", 1.0)
    monkeypatch.setattr(halo_module, "MOST_CHANGED_OF_CLASS", 1.0)
    loose = measured(model, regions)
    monkeypatch.setattr(halo_module, "MOST_CHANGED_OF_CLASS", 0.06)
    strict = measured(model, regions)
    assert loose is not None
    assert strict is not None
    assert strict.voxels > loose.voxels


def test_after_stop_it_stays_exact() -> None:
    model = tiny_model(SPEC)
    regions = halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)])
    assert measured_halo(model, TorchEngine(model.network), regions, lambda: Control.STOP) is None


def test_a_model_that_needs_all_of_its_context_keeps_the_exact_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(halo_module, "MOST_CHANGED", -1.0)
    assert measured(tiny_model(SPEC), halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)])) is None


def test_the_time_is_estimated_and_it_is_for_all_regions() -> None:
    model = tiny_model(SPEC)
    (region,) = halo_regions(SPEC, [cloud(SIDE, SIDE, SIDE)])
    engine = TorchEngine(model.network)
    assert seconds_to_measure(model, engine, [], always_continue) == 0.0
    assert (
        seconds_to_measure(model, engine, [region, replace(region)] * 50, always_continue)
        > seconds_to_measure(model, engine, [region], always_continue)
        > 0.0
    )


def painted(scan: Scan) -> tuple[Scan, np.ndarray]:
    return scan, (np.asarray(scan.data) > 0.5).astype(np.uint8)


def test_a_training_measures_it_and_the_model_is_used_with_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = tiny_model(SPEC)
    monkeypatch.setattr(halo_module, "MOST_CHANGED", 0.5)
    result = nu.train([painted(cloud(SIDE, SIDE, SIDE))], start=start, steps=1)
    assert result.model.spec.halo is not None
    assert result.model.spec.halo.voxels == (2, 2, 2)
    again = nu.train([painted(cloud(24, 24, 24))], start=result.model, steps=1)
    assert again.model.spec.halo is None  # the parent's is not the child's


def test_it_is_not_measured_where_that_takes_too_much_of_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(halo_module, "seconds_to_measure", lambda *_: 10.0)
    monkeypatch.setattr(halo_module, "measured_halo", lambda *_: pytest.fail("no time for this"))
    result = nu.train([painted(cloud(SIDE, SIDE, SIDE))], start=tiny_model(SPEC), minutes=0.1)
    assert result.model.spec.halo is None


def test_a_training_is_none_the_worse_where_it_can_not_be_measured(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ScanError("The disk is gone.")

    monkeypatch.setattr(halo_module, "measured_halo", fail)
    result = nu.train([painted(cloud(SIDE, SIDE, SIDE))], start=tiny_model(SPEC), steps=1)
    assert result.model.spec.halo is None
    assert any(
        "context of tiles could not be measured" in note and "The disk is gone." in note
        for note in result.notes
    )

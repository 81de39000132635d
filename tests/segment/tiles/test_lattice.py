import json
import math

import numpy as np
import pytest
from pydantic import ValidationError

import napari_unet as nu
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import SettingsError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.model.model import Model
from napari_unet.model.spec import MeasuredHalo, ModelSpec
from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import scan_of
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.lattice import exact_cost, halo_facts, halo_of, lattice_of
from napari_unet.segment.tiles.memory import EngineMemory, core_shape
from napari_unet.segment.tiles.tiling import (
    Lattice,
    computed_share,
    plan_tiles,
    ways_to_cut,
    window_voxels,
)

MEASURED = MeasuredHalo(voxels=(2, 2, 2), changed=3e-5, compared=2_000_000)
SPEC = tiny_spec(3, depth=1).model_copy(update={"halo": MEASURED})


def job_of(side: int, spec: ModelSpec = SPEC, **settings: object) -> SegmentJob:
    image = np.broadcast_to(np.float32(0), (side,) * 3)
    return plan_job(spec, scan_of(image, axes="zyx"), SegmentSettings.model_validate(settings))


def test_auto_takes_what_was_measured_only_where_exact_costs_much() -> None:
    assert halo_of(job_of(64)).kind == "exact"  # one tile
    assert exact_cost(job_of(64)) == 1.0
    small_tiles = job_of(64, tile_px=16)
    assert exact_cost(small_tiles) > 1.5
    assert halo_of(small_tiles).kind == "measured"
    assert halo_of(small_tiles).voxels == (2, 2, 2)
    assert lattice_of(small_tiles)[0].halo == (2, 2, 2)


def test_the_choice_is_the_users() -> None:
    assert halo_of(job_of(64, tile_px=16, halo="exact")).voxels == exact_halo(SPEC.architecture)
    assert halo_of(job_of(64, halo="measured")).kind == "measured"
    with pytest.raises(SettingsError, match="has no measured context"):
        job_of(64, SPEC.model_copy(update={"halo": None}), halo="measured")


def test_a_result_says_which_halo_it_had() -> None:
    assert halo_facts(job_of(64)) == {
        "kind": "exact",
        "voxels": list(exact_halo(SPEC.architecture)),
    }
    facts = halo_facts(job_of(64, tile_px=16))
    assert facts == {
        "kind": "measured",
        "voxels": [2, 2, 2],
        "changed": 3e-5,
        "compared": 2_000_000,
    }
    assert json.loads(json.dumps(facts)) == facts


@pytest.mark.parametrize("voxels", [(2, 2), (1, 2, 2), (-2, 2, 2), (400, 2, 2)])
def test_a_halo_that_no_tile_can_have_is_refused(voxels: tuple[int, ...]) -> None:
    said = SPEC.model_dump() | {"halo": {"voxels": voxels, "changed": 0.0, "compared": 1}}
    with pytest.raises(ValidationError, match=r"halo"):
        ModelSpec.model_validate(said)


def test_a_measured_halo_computes_less_and_its_tiles_are_seen() -> None:
    image = smooth_image((40, 40, 40))
    base = tiny_model(tiny_spec(3, depth=1))
    model = Model(SPEC, base.network, base.weights_sha256)
    exact = nu.segment(image, model, axes="zyx", settings=SegmentSettings(tile_px=16, halo="exact"))
    measured = nu.segment(
        image, model, axes="zyx", settings=SegmentSettings(tile_px=16, halo="measured")
    )
    changed = (exact != measured).mean()
    assert 0 < changed < 0.15
    assert np.array_equal(exact, nu.segment(image, base, axes="zyx"))


NETS = [
    (UNetConfig(dimensions=3, width=16, depth=3), (256, 256, 256), 2.0),
    (UNetConfig(dimensions=3, width=16, depth=3), (40, 900, 1100), 2.5),
    (UNetConfig(width=32, depth=4), (2048, 2048), 1.15),
    (UNetConfig(width=32, depth=4), (16_384, 16_384), 1.45),
]


@pytest.mark.parametrize(("config", "shape", "most"), NETS)
def test_tiles_have_the_shape_that_leaves_the_least_to_the_halo(
    config: UNetConfig, shape: tuple[int, ...], most: float
) -> None:
    lattice = Lattice(tuple(AxisMap(n) for n in shape), total_strides(config), exact_halo(config))
    core = core_shape(config, lattice, EngineMemory(math.inf, "openvino"))
    assert computed_share(lattice, core) <= most
    cubes = [
        computed_share(lattice, (side,) * len(shape))
        for side in range(64, 1500, 64)
        if fits(config, lattice, side)
    ]
    assert computed_share(lattice, core) <= min(cubes)


def fits(config: UNetConfig, lattice: Lattice, side: int) -> bool:
    """Whether cubes of a side have windows that are not larger than those that are chosen."""
    whole = tuple(slice(0, m.length) for m in lattice.maps)
    chosen = window_voxels(
        plan_tiles(lattice, whole, core_shape(config, lattice, EngineMemory(math.inf, "openvino")))
    )
    return window_voxels(plan_tiles(lattice, whole, (side,) * len(whole))) <= chosen


def test_two_tiles_have_a_halo_on_one_side_alone() -> None:
    config = UNetConfig(dimensions=2, width=4, depth=2)
    lattice = Lattice((AxisMap(100), AxisMap(64)), total_strides(config), exact_halo(config))
    cuts = ways_to_cut(lattice, 0)
    assert [(cut.core, cut.tiles, cut.window) for cut in cuts[:2]] == [
        (100, 1, 100),
        (52, 2, 52 + exact_halo(config)[0]),
    ]


def test_the_small_first_tile_has_what_was_measured_unless_exact_is_asked_for() -> None:
    sides = {}
    for halo in ("auto", "exact"):
        job = job_of(128, halo=halo)
        lattice, core = lattice_of(job, free_bytes=2**34)
        assert halo_of(job).kind == "exact"
        first, *others = plan_tiles(
            lattice, job.region, core, (64.0, 64.0, 64.0), small_first=True
        ).tiles
        assert (first.provisional, len(others)) == (True, 1)
        sides[halo] = first.window[0].stop - first.window[0].start
    assert sides["exact"] - sides["auto"] == 2 * (exact_halo(SPEC.architecture)[0] - 2)

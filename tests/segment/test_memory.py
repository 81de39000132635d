import math

import pytest

from napari_unet.errors import SettingsError
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.scans.resample import AxisMap
from napari_unet.segment.memory import RAM_SHARE, WINDOW_BYTES, core_shape, voxel_bytes
from napari_unet.segment.tiling import Lattice, plan_tiles

GB = 2**30


def lattice_of(config: UNetConfig, shape: tuple[int, ...]) -> Lattice:
    return Lattice(tuple(AxisMap(n) for n in shape), total_strides(config), exact_halo(config))


@pytest.mark.parametrize("ram_gb", [4, 16, 64])
@pytest.mark.parametrize(
    ("config", "shape"),
    [
        (UNetConfig(width=32, depth=4), (20_000, 20_000)),
        (UNetConfig(width=16, depth=4), (100, 30_000)),
        (UNetConfig(dimensions=3, width=16, depth=3), (1000, 1000, 1000)),
        (UNetConfig(dimensions=3, width=16, depth=3), (24, 2000, 2000)),
        (UNetConfig(dimensions=2, width=8, depth=2, out_channels=60), (9000, 9000)),
    ],
)
def test_windows_stay_within_the_plan_whatever_the_frame(config: UNetConfig, shape: tuple[int, ...], ram_gb: int) -> None:
    lattice = lattice_of(config, shape)
    core = core_shape(config, lattice, ram_gb * GB)
    plan = plan_tiles(lattice, tuple(slice(0, n) for n in shape), core)
    window = math.prod(part.stop - part.start for part in plan.tiles[0].window)
    assert window * voxel_bytes(config) <= min(WINDOW_BYTES[config.dimensions], RAM_SHARE * ram_gb * GB)


def test_a_short_axis_is_taken_whole_and_the_others_gain_by_it() -> None:
    config = UNetConfig(dimensions=3, width=16, depth=3)
    cube = core_shape(config, lattice_of(config, (1000,) * 3), 64 * GB)
    flat = core_shape(config, lattice_of(config, (24, 1000, 1000)), 64 * GB)
    assert flat[0] == 24
    assert flat[1] > 3 * cube[1]


def test_small_frames_are_one_tile() -> None:
    config = UNetConfig(width=16, depth=4)
    assert core_shape(config, lattice_of(config, (700, 512)), 16 * GB) == (704, 512)


def test_a_tile_that_can_not_fit_is_refused() -> None:
    config = UNetConfig(dimensions=3, width=64, depth=5)
    with pytest.raises(SettingsError, match="fewer poolings"):
        core_shape(config, lattice_of(config, (2000,) * 3), 8 * GB)


def test_the_user_overrules_the_plan() -> None:
    config = UNetConfig(depth=4)
    assert core_shape(config, lattice_of(config, (5000, 5000)), 16 * GB, tile_px=100) == (112, 112)

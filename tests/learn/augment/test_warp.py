import numpy as np
import pytest

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.augment.warp import Warper, along
from napari_unet.model.torch_import import torch

RIGID = {"scale": 1.0, "shear": 0.0, "elastic_px": 0.0, "warped_share": 1.0}


def warper(patch: tuple[int, ...], sizes: tuple[float, ...], **changes: float) -> Warper:
    return Warper(patch, sizes, AugmentSettings.model_validate(changes))


@pytest.mark.parametrize("sizes", [(1.0, 1.0), (2.0, 1.0), (2.0, 1.0, 1.0), (1.0, 0.4, 0.5)])
def test_turns_keep_lengths_in_physical_space(sizes: tuple[float, ...]) -> None:
    rng = np.random.default_rng(0)
    for _ in range(5):
        matrix = warper((16,) * len(sizes), sizes, **RIGID).draw(rng, sizes).matrix
        physical = np.diag(sizes) @ matrix @ np.diag(1 / np.array(sizes))
        np.testing.assert_allclose(physical @ physical.T, np.eye(len(sizes)), atol=1e-12)


def test_scaling_and_turns_stay_in_their_limits() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        volume = (
            warper((8, 8, 8), (1.0, 1.0, 1.0), **RIGID | {"rotation_deg": 40.0, "flips": False})
            .draw(rng, (1.0, 1.0, 1.0))
            .matrix
        )
        assert volume[0, 0] > np.cos(np.radians(15 + 15))
        plane = warper((8, 8), (1.0, 1.0), **RIGID | {"scale": 2.0}).draw(rng, (1.0, 1.0)).matrix
        assert 0.2 < abs(np.linalg.det(plane)) < 5


def test_some_patches_are_only_turned_by_quarters() -> None:
    rng = np.random.default_rng(0)
    both = [warper((8, 8), (1.0, 1.0), warped_share=0.5).draw(rng, (1.0, 1.0)) for _ in range(160)]
    plain = [w for w in both if not w.points.any() and np.isin(w.matrix, (-1, 0, 1)).all()]
    assert 55 < len(plain) < 105
    assert len({(w.matrix + 0.0).tobytes() for w in plain}) == 8  # turns and mirrors of a square
    oblong = [
        warper((8, 8), (2.0, 1.0), warped_share=0).draw(rng, (2.0, 1.0)).matrix for _ in range(20)
    ]
    assert all((matrix == np.diag(np.diag(matrix))).all() for matrix in oblong)


def test_oriented_axes_are_neither_mirrored_nor_turned_round() -> None:
    rng = np.random.default_rng(0)
    settings = AugmentSettings(warped_share=0.5, shear=0.0, elastic_px=0.0)
    flat = [
        Warper((8, 8), (1.0, 1.0), settings, (True, False)).draw(rng, (1.0, 1.0)).matrix
        for _ in range(60)
    ]
    assert all(matrix[0, 0] > 0 for matrix in flat)
    assert {matrix[1, 1] > 0 for matrix in flat} == {True, False}
    deep = [
        Warper((8, 8, 8), (1.0,) * 3, settings, (True, True, True)).draw(rng, (1.0,) * 3).matrix
        for _ in range(60)
    ]
    assert all((np.diag(matrix) > 0).all() for matrix in deep)


def test_displacements_keep_their_spread_in_physical_space() -> None:
    rng = np.random.default_rng(0)
    sizes = (2.0, 1.0)
    bent = warper((96, 192), sizes, elastic_px=6.0, elastic_grid_px=16, warped_share=1.0)
    warps = [bent.draw(rng, sizes) for _ in range(160)]
    straight = [type(w)(w.matrix, np.zeros_like(w.points)) for w in warps]
    spread = (bent.offsets(warps, "cpu") - bent.offsets(straight, "cpu")).std(dim=(0, 2, 3))
    assert float(spread[1]) == pytest.approx(6 / 3**0.5, rel=0.25)
    assert float(spread[0]) == pytest.approx(3 / 3**0.5, rel=0.25)


@pytest.mark.parametrize("patch", [(33, 20), (12, 16, 20)])
def test_no_voxel_comes_from_beyond_the_reach(patch: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    sizes = (1.5, 1.0, 1.0)[-len(patch) :]
    bent = warper(patch, sizes, elastic_px=5.0, warped_share=0.8)
    warps = [bent.draw(rng, sizes) for _ in range(20)]
    reach = np.stack([bent.reach(w) for w in warps])
    furthest = bent.offsets(warps, "cpu").abs().flatten(2).amax(2).numpy()
    assert (furthest <= reach + 0.5).all()
    assert (furthest / reach).mean() > 0.8


def test_along_is_the_product_with_one_axis() -> None:
    values = torch.randn(2, 3, 4, 5)
    matrix = torch.randn(6, 4)
    for axis, wanted in {2: "bcio,ki->bcko", 3: "bcoi,ki->bcok"}.items():
        some = matrix if axis == 2 else torch.randn(6, 5)
        assert torch.allclose(
            along(values, some, axis), torch.einsum(wanted, values, some), atol=1e-5
        )

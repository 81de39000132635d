import numpy as np

from napari_unet.learn.augment.augment import vary_intensities
from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.model.torch_import import torch

STILL = AugmentSettings(contrast=1, brightness=0, gamma=1, noise=0, blur_px=0)
KINDS = {"contrast": 2.0, "brightness": 0.5, "gamma": 2.0, "noise": 0.3, "blur_px": 2.0}


def varied(
    images: torch.Tensor, seed: int = 1, sizes: tuple[float, ...] = (), **changes: float
) -> torch.Tensor:
    return vary_intensities(
        images.clone(), STILL.model_copy(update=changes), np.random.default_rng(seed), sizes
    )


def test_no_variation_changes_nothing_and_every_kind_something() -> None:
    images = torch.rand(16, 2, 16, 16)
    assert torch.equal(varied(images), images)
    for name, value in KINDS.items():
        changed = varied(images, **{name: value})
        touched = (changed - images).abs().flatten(1).amax(1) > 0.01
        assert 2 <= touched.sum() < 16, name
        assert torch.isfinite(changed).all()
        assert torch.equal(changed, varied(images, **{name: value}))
        assert not torch.equal(changed, varied(images, seed=2, **{name: value}))


def test_blur_keeps_flat_images_flat() -> None:
    flat = torch.full((4, 1, 16, 16), 0.7)
    assert torch.allclose(varied(flat, blur_px=3.0), flat, atol=1e-5)


def test_blur_is_as_wide_in_every_direction() -> None:
    point = torch.zeros(8, 1, 17, 33, 33)
    point[:, 0, 8, 16, 16] = 1
    for blurred in varied(point, sizes=(2.0, 1.0, 1.0), blur_px=3.0)[:, 0]:
        spread = [
            float(
                (
                    blurred.sum([n for n in range(3) if n != axis])
                    * offsets(17 if axis == 0 else 33) ** 2
                ).sum()
            )
            for axis in range(3)
        ]
        assert np.isclose(spread[1], spread[2], rtol=1e-3)
        if spread[1] > 1.5:
            assert np.isclose(4 * spread[0], spread[1], rtol=0.15)


def offsets(length: int) -> torch.Tensor:
    return torch.arange(length) - (length - 1) / 2

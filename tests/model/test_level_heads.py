"""Heads on every level: interpolation, and the sum of the levels' scores."""

import pytest

from napari_unet.model.config import UNetConfig
from napari_unet.model.level_heads import interpolated
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet

MODES = {2: "bilinear", 3: "trilinear"}


def random_image(*shape: int) -> torch.Tensor:
    return torch.rand(2, 3, *shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("stride", [(1, 1), (2, 2), (3, 1), (4, 2), (1, 2, 2), (3, 4, 2)])
@pytest.mark.parametrize("length", [1, 2, 5])
def test_it_is_linear_between_the_middles_of_voxels(stride: tuple[int, ...], length: int) -> None:
    image = random_image(*[length] * len(stride))
    mode = MODES[len(stride)]
    wanted = torch.nn.functional.interpolate(image, scale_factor=stride, mode=mode)
    torch.testing.assert_close(interpolated(image, stride), wanted)


def test_a_part_is_interpolated_to_the_bit_as_in_the_whole() -> None:
    image = random_image(40, 40)
    whole = interpolated(image, (2, 3))
    for start in range(1, 9):
        part = interpolated(image[..., start - 1 : start + 22, start - 1 : start + 14], (2, 3))
        inside = whole[..., 2 * start : 2 * start + 42, 3 * start : 3 * start + 36]
        assert torch.equal(part[..., 2:44, 3:39], inside)


def test_the_scores_are_those_of_all_levels_brought_up() -> None:
    config = UNetConfig(width=2, depth=3, out_channels=3, head_levels="every")
    network = UNet(config).eval()
    image = random_image(16, 24)[:, :1]
    seen = {}
    levels = [network.encoder[0], *network.decoder]
    for number, level in enumerate(levels):
        level.register_forward_hook(
            lambda _, __, features, number=number: seen.update({number: features})
        )
    with torch.no_grad():
        scores = network(image)
        heads = network.level_heads
        assert heads is not None
        wanted = network.head(seen[3]) + heads.skip(seen[0])
        for number, steps in ((1, 2), (2, 1)):
            level = heads.decoder[number - 1](seen[number])
            for _ in range(steps):
                level = torch.nn.functional.interpolate(level, scale_factor=2, mode="bilinear")
            wanted += level
    torch.testing.assert_close(scores, wanted)

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from napari_unet.model.config import HeadLevels, UNetConfig
from napari_unet.model.formats.shapes import tensor_shapes
from napari_unet.model.geometry import exact_halo, receptive_field, reflected, total_strides
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet


@st.composite
def configs(draw: st.DrawFn) -> UNetConfig:
    dimensions = draw(st.sampled_from([2, 3]))
    depth = draw(st.integers(0, 2))
    strides = draw(
        st.lists(st.tuples(*[st.integers(1, 3)] * dimensions), min_size=depth, max_size=depth)
    )
    return UNetConfig(
        dimensions=dimensions,
        in_channels=draw(st.integers(1, 2)),
        out_channels=draw(st.integers(1, 3)),
        width=2,
        depth=depth,
        strides=tuple(strides),
        norm=draw(st.sampled_from(["batch", "instance", "none"])),
        residual=draw(st.booleans()),
        head_levels=draw(st.sampled_from(["last", "every"])),
    )


@given(configs(), st.data())
def test_any_size_goes_in_and_comes_out(config: UNetConfig, data: st.DataObject) -> None:
    shape = data.draw(st.tuples(*[st.integers(1, 19)] * config.dimensions))
    network = UNet(config).eval()
    with torch.no_grad():
        scores = network(torch.rand(1, config.in_channels, *shape))
    assert scores.shape == (1, config.out_channels, *shape)
    assert torch.isfinite(scores).all()


@given(configs())
def test_shapes_are_known_without_building(config: UNetConfig) -> None:
    built = {
        name: tuple(value.shape)
        for name, value in UNet(config).state_dict().items()
        if "tracked" not in name
    }
    assert tensor_shapes(config) == built


def influence(config: UNetConfig, length: int, at: int) -> tuple[int, int]:
    """The first and last voxel of axis 0 that change when the input does at one voxel, in a net
    that hides nothing.
    """
    network = UNet(config).double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.fill_(0.05)
        shape = (length, *(total_strides(config)[1:]))
        image = torch.zeros(
            1, 1, *shape, dtype=torch.float64
        )  # flat, so that no maximum hides the change
        touched = image.clone()
        touched[0, 0, at] += 10.0
        changed = (network(touched) != network(image))[0, 0].flatten(1).any(dim=1)
    positions = changed.nonzero().flatten()
    return int(positions.min()), int(positions.max())


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
@pytest.mark.parametrize(
    ("step", "levels"), [(2, "last"), (3, "last"), (2, "every"), (3, "every"), (4, "every")]
)
def test_receptive_field_is_exactly_what_one_voxel_can_change(
    depth: int, step: int, levels: HeadLevels
) -> None:
    if step == 4 and depth == 3:
        depth = 2  # a stride of 64 needs thousands of voxels
    config = UNetConfig(
        width=2, depth=depth, strides=((step, 1),) * depth, norm="none", head_levels=levels
    )
    stride = total_strides(config)[0]
    before, after = receptive_field(config)[0]
    length = (before + after) // stride * stride + 8 * stride
    seen = [
        (lambda low, high, at=at: (at - low, high - at))(*influence(config, length, at))
        for at in range(length // 2, length // 2 + stride)
    ]
    assert max(low for low, _ in seen) == after
    assert max(high for _, high in seen) == before


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_exact_halo_is_enough_and_one_stride_less_is_not(depth: int) -> None:
    config = UNetConfig(width=2, depth=depth, norm="none")
    stride = total_strides(config)[0]
    halo = exact_halo(config)[0]
    start = 2 * halo
    reached = [influence(config, 5 * halo, at)[1] for at in range(start - halo - 1, start)]
    assert reached[0] < start, "a voxel beyond the halo changes nothing in the core"
    assert max(reached[1 : stride + 1]) >= start, "but one within the outermost stride of it does"


def test_the_net_of_the_paper_needs_a_halo_of_96() -> None:
    assert exact_halo(UNetConfig(depth=4)) == (96, 96)


def test_batchnorm_and_residual_and_dropout_are_there_when_asked_for() -> None:
    names = {
        type(part).__name__
        for part in UNet(UNetConfig(width=2, depth=1, residual=True, dropout=0.5)).modules()
    }
    assert {"BatchNorm2d", "Dropout2d", "ConvTranspose2d", "MaxPool2d"} <= names
    assert UNet(UNetConfig(width=2, depth=1, residual=True)).encoder[0].skip is not None
    assert UNet(UNetConfig(width=2, depth=1)).encoder[0].skip is None


def test_features_double_up_to_the_limit() -> None:
    assert UNetConfig(width=8, depth=4, max_width=32).widths == (8, 16, 32, 32, 32)


def test_reflection_repeats_no_edge_and_wraps_when_it_must() -> None:
    assert reflected(-2, 6, 4) == [2, 1, 0, 1, 2, 3, 2, 1]
    assert reflected(0, 5, 1) == [0] * 5
    assert reflected(0, 7, 2) == [0, 1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    "wrong",
    [
        {"depth": 8},
        {"width": 513},
        {"depth": 2, "strides": ((2, 2),)},
        {"depth": 1, "strides": ((2, 5),)},
        {"more": 1},
    ],
)
def test_configs_beyond_the_limits_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        UNetConfig.model_validate(wrong)

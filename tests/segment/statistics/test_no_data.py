"""Which borders hold no image, and which are the background of one."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, rotate

from helpers.tiny import smooth_image
from napari_unet.model.spec import Normalization
from napari_unet.scans.scan import scan_of
from napari_unet.segment.statistics.frame import FrameStatistics, empty_sentence, frame_statistics
from napari_unet.segment.statistics.no_data import has_value, surrounded
from napari_unet.segment.tiles.normalize import normalize

HOW = Normalization()
RNG = np.random.default_rng(0)


def found(image: np.ndarray, **options: object) -> FrameStatistics:
    return frame_statistics(scan_of(image), image.ndim, (), HOW, **options)


def noisy(*shape: int, offset: int = 100) -> np.ndarray:
    """An image as of a camera: an offset, structures, noise in every voxel."""
    return (offset + 800 * smooth_image(shape) + RNG.normal(0, 6, shape)).astype(np.uint16)


def with_band(image: np.ndarray, width: int = 6) -> np.ndarray:
    banded = image.copy()
    banded[..., :width] = 0
    return banded


@pytest.mark.parametrize(
    "emptied",
    [
        with_band,
        lambda image: np.pad(image, 30),
        lambda image: np.pad(image, ((0, 60), (0, 70))),
        lambda image: rotate(image, 10, order=1, prefilter=False),
        lambda image: rotate(image, 7, order=1, prefilter=False, reshape=False),
    ],
)
def test_a_band_padding_and_turned_corners_hold_no_image(emptied) -> None:
    image = noisy(120, 130)
    statistics = found(emptied(image))
    plain = found(image)
    assert statistics.no_data == (0.0,)
    close = 0.1 * (plain.high[0] - plain.low[0])
    np.testing.assert_allclose(statistics.low, plain.low, atol=close)
    np.testing.assert_allclose(statistics.high, plain.high, atol=close)


def test_the_share_is_that_of_the_band() -> None:
    assert found(with_band(noisy(100, 120))).no_data_share == pytest.approx(6 / 120)


def test_a_volume_and_several_channels() -> None:
    volume = with_band(noisy(20, 40, 50), 5)
    assert found(volume).no_data == (0.0,)
    channels = np.stack([with_band(noisy(60, 70)), with_band(noisy(60, 70, offset=300))])
    statistics = frame_statistics(scan_of(channels, "cyx"), 2, (), HOW)
    assert statistics.no_data == (0.0, 0.0)


def test_a_background_that_a_threshold_made_black_is_image() -> None:
    image = noisy(120, 130, offset=0)
    black = np.where(image < 400, 0, image).astype(np.uint16)
    black[:, :8] = 0
    assert found(black).no_data is None


def test_a_saturated_corner_is_image() -> None:
    image = noisy(120, 130)
    y, x = np.mgrid[:120, :130]
    bright = np.clip(image + 3000 * np.exp(-(np.hypot(y, x) ** 2) / 900), 0, 1500)
    assert (bright[:12, :12] == 1500).all()
    assert found(bright.astype(np.uint16)).no_data is None


def test_a_value_that_is_scattered_inside_is_image() -> None:
    image = with_band(noisy(120, 130))
    image.flat[RNG.choice(image.size, image.size // 100, replace=False)] = 0
    assert found(image).no_data is None


def test_a_dead_pixel_changes_nothing() -> None:
    image = with_band(noisy(120, 130))
    image[60, 60] = 0
    assert found(image).no_data == (0.0,)


def test_it_can_be_turned_off() -> None:
    assert found(with_band(noisy(120, 130)), empty_borders=False).no_data is None


@pytest.mark.parametrize("value", [0, 7])
def test_an_image_of_one_value_has_no_borders(value: int) -> None:
    assert found(np.full((50, 60), value, np.uint8)).no_data is None


def test_what_the_file_says_is_believed_wherever_it_is() -> None:
    image = noisy(80, 90)
    image[30:40, 30:40] = 77
    scan = scan_of(image)
    statistics = frame_statistics(replace(scan, no_data=77.0), 2, (), HOW)
    assert statistics.no_data == (77.0,)
    assert statistics.no_data_share == pytest.approx(100 / image.size)


def test_a_neighbourhood_ends_at_the_frame_and_not_at_its_corners() -> None:
    mask = np.zeros((6, 7), bool)
    mask[:3, :4] = True
    wanted = np.zeros((6, 7), bool)
    wanted[:2, :3] = True
    np.testing.assert_array_equal(surrounded(mask), wanted)


def test_all_channels_must_have_their_value() -> None:
    part = np.array([[0, 0, 1], [5, 6, 5]])
    np.testing.assert_array_equal(has_value(part, (0.0, 5.0)), [True, False, False])


def discs(*levels: int) -> np.ndarray:
    """Flat discs on exact zeros, as in a mask or in a drawn image."""
    y, x = np.mgrid[:160, :180]
    image = np.zeros((160, 180), np.uint8)
    for number, (row, column) in enumerate([(30, 40), (80, 120), (130, 50), (60, 80)]):
        image[np.hypot(y - row, x - column) < 14] = levels[number % len(levels)]
    return image


@pytest.mark.parametrize("levels", [(255,), (100, 200)])
def test_the_background_of_a_mask_is_image(levels: tuple[int, ...]) -> None:
    assert found(discs(*levels)).no_data is None


def test_the_darkness_between_spots_is_image() -> None:
    spots = np.zeros((160, 180), np.float32)
    spots[tuple(RNG.integers(10, 150, (2, 60)))] = RNG.uniform(500, 5000, 60)
    blurred = gaussian_filter(spots, 1.5)
    assert found(np.where(blurred < 0.5, 0, blurred).astype(np.uint16)).no_data is None


def test_a_saturated_column_through_a_stack_is_image() -> None:
    stack = noisy(12, 60, 60)
    stack[:, 20:40, 20:40] = 1500
    assert found(stack).no_data is None


def test_a_small_frame_is_read_once() -> None:
    read = []

    class Watched(np.ndarray):
        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            read.append(index)
            return super().__getitem__(index)

    frame_statistics(scan_of(with_band(noisy(100, 120)).view(Watched)), 2, (), HOW)
    assert len([index for index in read if isinstance(index, tuple) and len(index) == 2]) == 1


def both(first: np.ndarray, second: np.ndarray) -> FrameStatistics:
    return frame_statistics(scan_of(np.stack([first, second]), "cyx"), 2, (), HOW)


def test_a_channel_with_a_band_of_its_own_is_judged_without_it() -> None:
    image, other = noisy(100, 120), noisy(100, 120, offset=300)
    plain = both(image, other)
    statistics = both(with_band(image), other)
    assert statistics.no_data is None
    ((channel, value, share),) = [(e.channel, e.value, e.share) for e in statistics.empty_channels]
    assert (channel, value, share) == (0, 0.0, pytest.approx(6 / 120))
    close = 0.1 * (plain.high[0] - plain.low[0])
    np.testing.assert_allclose(statistics.low, plain.low, atol=close)
    np.testing.assert_allclose(statistics.high, plain.high, atol=close)
    assert "Of channel 0, 5.0% has the value 0" in empty_sentence([statistics])
    assert FrameStatistics.from_dict(statistics.as_dict()) == statistics


def test_only_where_no_channel_has_data_there_is_no_image() -> None:
    image, other = noisy(100, 120), noisy(100, 120, offset=300)
    part = np.stack([with_band(image, 6), with_band(other, 12)])
    statistics = frame_statistics(scan_of(part, "cyx"), 2, (), HOW)
    assert statistics.no_data == (0.0, 0.0)
    assert [each.channel for each in statistics.empty_channels] == [1]
    out, excluded = normalize(part, statistics)
    wanted = np.zeros((100, 120), bool)
    wanted[:, :5] = True  # the last column has image beside it
    np.testing.assert_array_equal(excluded, wanted)
    assert (out[1, :, :12] == 0).all()
    assert (out[0, :, 6:12] != 0).any()


def test_bands_on_different_sides_exclude_nothing() -> None:
    part = np.stack([with_band(noisy(100, 120)), with_band(noisy(100, 120))[:, ::-1]])
    statistics = frame_statistics(scan_of(part, "cyx"), 2, (), HOW)
    assert statistics.no_data is None
    assert [each.channel for each in statistics.empty_channels] == [0, 1]
    assert normalize(part, statistics)[1] is None


def test_a_black_background_of_one_channel_stays_image_beside_a_band_of_all() -> None:
    image = noisy(120, 130)
    spots = np.where(noisy(120, 130, offset=0) < 600, 0, 900).astype(np.uint16)
    statistics = both(with_band(image), with_band(spots))
    assert statistics.no_data == (0.0, 0.0)
    assert statistics.empty_channels == ()


def test_what_the_file_says_is_believed_of_each_channel() -> None:
    first, second = noisy(80, 90), noisy(80, 90)
    first[30:40, 30:40] = second[30:35, 30:40] = 77
    scan = replace(scan_of(np.stack([first, second]), "cyx"), no_data=77.0)
    statistics = frame_statistics(scan, 2, (), HOW)
    assert statistics.no_data == (77.0, 77.0)
    assert [each.channel for each in statistics.empty_channels] == [0]


def test_numbers_that_are_none_do_not_hide_a_band() -> None:
    image = with_band(noisy(120, 130)).astype(np.float32)
    image[50:60, 50:60] = np.nan
    assert found(image).no_data == (0.0,)


def test_gaps_of_no_numbers_in_a_band_leave_no_image_in_it() -> None:
    image = with_band(noisy(120, 130)).astype(np.float32)
    image[60, 3] = np.nan
    _, excluded = normalize(image[None], found(image))
    assert excluded is not None
    assert excluded[:, :5].all()

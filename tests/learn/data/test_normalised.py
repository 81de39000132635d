"""A scan as a training sees it: as it is segmented, and not trusted where there is no image."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.tiny import smooth, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.learn.data.corrections import IGNORE, PAINTED, REVIEWED
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.data.normalised import NormalisedScan
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.tiles.normalize import normalize

SHAPE = (3, 4, 8)
SPEC = tiny_spec()
RNG = np.random.default_rng(0)


def spoilt(shape: tuple[int, ...], kind: type, channels: int = 1) -> np.ndarray:
    """An image with noise, hot and dead pixels, an empty band, and NaN if it can have any."""
    image = 120 + 100 * smooth((channels, *shape)) + RNG.normal(0, 3, (channels, *shape))
    spots = RNG.random(image.shape) < 0.01
    image = np.where(spots, RNG.choice([1, 30_000], image.shape), image)
    image[..., :7] = 0
    image[0, ..., 7:9] = 0  # the first channel has a wider band
    image = image.astype(kind)
    if np.dtype(kind).kind == "f":
        image[RNG.random(image.shape) < 0.01] = np.nan
    return image


SCANS = [
    (scan_of(spoilt((60, 70), np.uint16)[0]), SPEC),
    (scan_of(spoilt((60, 70), np.float32)[0]), SPEC),
    (scan_of(spoilt((60, 70), np.float64, 2), axes="cyx"), tiny_spec(channels=2)),
    (scan_of(spoilt((14, 40, 50), np.uint16)[0], axes="zyx"), tiny_spec(3)),
]


@given(st.sampled_from(SCANS), st.data())
def test_a_crop_is_the_same_part_of_the_normalised_whole(
    case: tuple[Scan, ModelSpec], data: st.DataObject
) -> None:
    scan, spec = case
    shape = scan.frame_shape(spec.architecture.dimensions)
    ends = [sorted(data.draw(st.sets(st.integers(0, n), min_size=2, max_size=2))) for n in shape]
    region = tuple(slice(*each) for each in ends)
    normalised = NormalisedScan(scan, spec)
    whole = tuple(slice(0, n) for n in shape)
    wanted, excluded = normalize(scan.read((), whole), normalised.statistics(()))
    assert excluded is not None
    assert normalised.statistics(()).specks
    values, *masks = (*normalised.read((), region), normalised.without_image((), region))
    np.testing.assert_array_equal(values, wanted[(slice(None), *region)])
    for mask in masks:
        assert mask is not None or not excluded[region].any()
        np.testing.assert_array_equal(excluded[region] if mask is None else mask, excluded[region])


def test_statistics_are_computed_once_and_those_of_segmenting() -> None:
    scan, spec = SCANS[0]
    normalised = NormalisedScan(scan, spec)
    found = normalised.statistics(())
    assert found is normalised.statistics(())
    assert normalised.known == [found]
    assert found == frame_statistics(scan, 2, (), spec.normalization)
    assert found.no_data == (0.0,)
    off = NormalisedScan(scan, spec, empty_borders=False).statistics(())
    assert off == frame_statistics(scan, 2, (), spec.normalization, empty_borders=False)
    assert off.no_data is None


def reviewed(scan: Scan) -> np.ndarray:
    return np.full(scan.result_shape, REVIEWED, np.uint8)


@pytest.mark.parametrize("case", SCANS)
def test_trust_and_examples_leave_out_what_segmenting_leaves_out(
    case: tuple[Scan, ModelSpec],
) -> None:
    scan, spec = case
    whole = tuple(slice(0, n) for n in scan.frame_shape(spec.architecture.dimensions))
    statistics = frame_statistics(scan, len(whole), (), spec.normalization)
    _, excluded = normalize(scan.read((), whole), statistics)
    assert excluded is not None
    assert excluded[..., :6].all()
    trust = NormalisedScan(scan, spec).with_image(reviewed(scan))
    np.testing.assert_array_equal(trust == 0, excluded)
    labels = np.zeros(scan.result_shape, np.uint8)
    (example,) = examples_of(scan, labels, spec)
    np.testing.assert_array_equal(example.labels == IGNORE, excluded)


def test_a_switch_makes_borders_part_of_the_image() -> None:
    scan, spec = SCANS[0]
    given_trust = reviewed(scan)
    off = NormalisedScan(scan, spec, empty_borders=False)
    assert off.with_image(given_trust) is given_trust
    labels = np.zeros(scan.result_shape, np.uint8)
    (example,) = examples_of(scan, labels, spec, normalised=off)
    assert (example.labels == 0).all()


def test_what_is_not_a_number_in_the_image_is_never_trusted() -> None:
    image = smooth((2, *SHAPE))
    image[1, 0, :2] = np.nan
    image[0, 2, 2] = np.inf
    image[0, 1, 2, 5] = -np.inf
    scan = scan_of(image, axes="czyx")
    trust = NormalisedScan(scan, tiny_spec(channels=2)).with_image(reviewed(scan))
    np.testing.assert_array_equal(trust == 0, ~np.isfinite(image).all(axis=0))


def test_what_is_too_large_for_float32_is_never_trusted() -> None:
    image = smooth((1, 20, 30))[0].astype(np.float64)
    image[3, 4] = -1.7e308
    trust = NormalisedScan(scan_of(image), SPEC).with_image(np.full(image.shape, 1, np.uint8))
    assert np.argwhere(trust == 0).tolist() == [[3, 4]]


def test_it_is_found_in_any_order_of_axes() -> None:
    image = smooth((1, 10, 3, 8))[0]
    image[4, 1, 2] = np.nan
    scan = scan_of(image, axes="xzy")
    trust = NormalisedScan(scan, SPEC).with_image(reviewed(scan))
    assert np.argwhere(trust == 0).tolist() == [[4, 1, 2]]


def test_trust_only_where_there_is_no_image_is_refused() -> None:
    image = smooth((1, *SHAPE))[0]
    image[0] = np.nan
    trust = np.zeros(SHAPE, np.uint8)
    trust[0] = PAINTED
    normalised = NormalisedScan(scan_of(image, axes="zyx"), SPEC)
    with pytest.raises(ScanError, match="NaN or infinite"):
        normalised.with_image(trust)
    trust[1, 2, 3] = PAINTED  # a slice of nothing but NaN does not spoil the others
    assert normalised.with_image(trust).sum() == PAINTED
    scan, spec = SCANS[0]
    in_band = np.zeros(scan.result_shape, np.uint8)
    in_band[10:20, :5] = REVIEWED
    with pytest.raises(ScanError, match="border without data"):
        NormalisedScan(scan, spec).with_image(in_band)


def test_only_slices_with_trust_are_read_from_the_image() -> None:
    class Watched(np.ndarray):
        read: tuple[int, ...] = ()

        def __getitem__(self, index):  # type: ignore[no-untyped-def]
            Watched.read += (index[0],)
            return super().__getitem__(index)

    trust = np.zeros((3, 20, 30), np.uint8)
    trust[1, 2] = PAINTED
    scan = scan_of((100 * smooth((1, 3, 20, 30))[0]).astype(np.float32).view(Watched), axes="zyx")
    kept = NormalisedScan(replace(scan), SPEC).with_image(trust)
    assert kept is trust
    assert set(Watched.read) == {1}

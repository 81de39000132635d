from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from helpers.tiny import smooth, smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.errors import Cancelled, DeviceError, ScanError, SettingsError
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, Progress
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.scans.views import ChannelStack
from napari_unet.segment.check import check_fit, notes
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import plan_job
from napari_unet.segment.run_facts import run_facts
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.queue import Focus
from napari_unet.segment.tiles.tile_result import TileResult

FLAT = tiny_model(tiny_spec(classes=3))
BINARY = tiny_model(tiny_spec())
SOLID = tiny_model(tiny_spec(3, depth=1))


def as_uint16(image: np.ndarray) -> np.ndarray:
    return np.round(image * 60_000).astype(np.uint16)


def test_the_tiny_networks_are_worth_testing_with() -> None:
    assert (
        np.bincount(segment(smooth_image((96, 96)), FLAT).ravel(), minlength=3).min() > 96 * 96 / 5
    )


@given(
    st.permutations("tzyx"),
    st.tuples(*[st.integers(2, 5)] * 2),
    st.tuples(*[st.integers(5, 20)] * 2),
)
def test_any_order_of_axes_gives_the_same_labels(
    order: list[str], stack: tuple[int, int], plane: tuple[int, int]
) -> None:
    image = smooth_image((*stack, *plane))
    wanted = segment(image, FLAT, axes="tzyx")
    axes = "".join(order)
    turned = image.transpose([("tzyx").index(a) for a in order])
    labels = segment(turned, FLAT, axes=axes)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, wanted.transpose([("tzyx").index(a) for a in order]))


@given(st.permutations("zyx"))
def test_volumes_in_any_order_of_axes(order: list[str]) -> None:
    image = smooth_image((6, 9, 14))
    turned = image.transpose([("zyx").index(a) for a in order])
    wanted = segment(image, SOLID, axes="zyx").transpose([("zyx").index(a) for a in order])
    np.testing.assert_array_equal(segment(turned, SOLID, axes="".join(order)), wanted)


def test_a_2d_model_takes_each_slice_on_its_own() -> None:
    image = smooth_image((3, 40, 30)) * np.array([1.0, 100.0, 0.01], np.float32)[:, None, None]
    labels = segment(image, FLAT)
    for n in range(3):
        np.testing.assert_array_equal(labels[n], segment(image[n], FLAT))


@pytest.mark.parametrize(
    "dtype", ["u1", "<u2", ">u2", "<u4", ">u4", "<i2", ">i4", "<f2", "<f4", ">f4", "<f8", ">f8"]
)
def test_any_number_format_gives_the_same_labels(dtype: str) -> None:
    image = np.round(smooth_image((50, 47)) * 200)
    np.testing.assert_array_equal(
        segment(image.astype(dtype), FLAT), segment(image.astype(np.float32), FLAT)
    )


def test_bool_images_are_0_and_1() -> None:
    image = smooth_image((40, 40)) > 0.5
    np.testing.assert_array_equal(segment(image, FLAT), segment(image.astype(np.float32), FLAT))


def test_odd_memory_layouts_and_lazy_arrays(tmp_path: Path) -> None:
    dask = pytest.importorskip("dask.array")
    zarr = pytest.importorskip("zarr")
    image = as_uint16(smooth_image((60, 70)))
    wanted = segment(image, FLAT)
    locked = image.copy()
    locked.setflags(write=False)
    stored = zarr.create_array(
        tmp_path / "a.zarr", shape=image.shape, chunks=(16, 16), dtype=image.dtype
    )
    stored[:] = image
    for other in (
        locked,
        np.asfortranarray(image),
        dask.from_array(image, chunks=17),
        stored,
        [image, image[::2, ::2]],
    ):
        np.testing.assert_array_equal(segment(other, FLAT), wanted)
    np.testing.assert_array_equal(
        segment(image[::-1, ::-1], FLAT), segment(image[::-1, ::-1].copy(), FLAT)
    )


def test_nothing_is_read_but_tiles_and_their_halo() -> None:
    class Guarded:
        def __init__(self, data: np.ndarray) -> None:
            self.data = data
            self.shape = data.shape
            self.dtype = data.dtype
            self.largest = 0

        def __getitem__(self, index: object) -> np.ndarray:
            part: np.ndarray = self.data[index]  # type: ignore[index]
            self.largest = max(self.largest, part.size)
            return part

    image = Guarded(np.zeros((5000, 1200), np.uint8))
    scan = Scan(image, "yx", (1.0, 1.0))
    job = plan_job(
        BINARY.spec, scan, SegmentSettings(tile_px=64), region=(slice(100, 200), slice(0, 64))
    )
    assert [tile.labels.shape for tile in stream(BINARY, job)]
    assert image.largest <= 512 * 512


def test_channels_lie_anywhere_or_in_several_arrays() -> None:
    model = tiny_model(tiny_spec(channels=2, classes=3))
    image = smooth((2, 40, 44))
    wanted = segment(image, model, axes="cyx")
    np.testing.assert_array_equal(segment(image.transpose(1, 2, 0), model, axes="yxc"), wanted)
    stack = Scan(ChannelStack([image[0], image[1]]), "cyx", (1.0, 1.0))
    np.testing.assert_array_equal(segment(stack, model), wanted)


def test_colours_become_luminance_and_this_is_said() -> None:
    grey = np.round(smooth_image((40, 40)) * 255).astype(np.uint8)
    scan = scan_of(np.stack([grey] * 3, axis=-1), rgb=True)
    assert any("luminance" in note for note in notes(FLAT.spec, scan, SegmentSettings()))
    np.testing.assert_array_equal(segment(scan, FLAT), segment(grey, FLAT))
    assert not notes(FLAT.spec, scan_of(grey), SegmentSettings())


@pytest.mark.parametrize(
    ("shape", "axes", "words"),
    [
        ((3, 20, 20), "cyx", "needs one channel, the image has 3"),
        ((0, 20), "yx", "empty"),
        ((20, 20), "zy", "'y' and 'x'"),
        ((20, 20), "yxc", "one letter for each"),
    ],
)
def test_images_that_do_not_fit_are_refused_in_one_sentence(
    shape: tuple[int, ...], axes: str, words: str
) -> None:
    with pytest.raises(ScanError, match=words):
        segment(np.zeros(shape), FLAT, axes=axes)


def test_a_volume_model_refuses_a_slice_before_anything_runs() -> None:
    with pytest.raises(ScanError, match="Choose a 2D model"):
        check_fit(SOLID.spec, scan_of(np.zeros((20, 20))))


def test_too_few_channels_name_the_layers_to_choose() -> None:
    spec = tiny_spec(channels=2)
    with pytest.raises(ScanError, match="channel 0, channel 1"):
        check_fit(spec, scan_of(np.zeros((20, 20))))


def test_text_and_complex_numbers_are_refused() -> None:
    with pytest.raises(ScanError, match="whole or real"):
        segment(np.zeros((4, 4), np.complex64), FLAT)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_filled_counted_and_never_labelled(bad: float) -> None:
    image = smooth_image((64, 64))
    hole = np.zeros(image.shape, bool)
    hole[10:20, 30:50] = True
    job = plan_job(
        FLAT.spec, scan_of(np.where(hole, np.float32(bad), image)), SegmentSettings(tile_px=16)
    )
    labels = np.zeros(image.shape, np.uint8)
    counted = 0
    for tile in stream(FLAT, job):
        labels[tile.region] = tile.labels
        counted += tile.nonfinite
    assert counted == hole.sum()
    assert not labels[hole].any()
    low = np.percentile(image[~hole], FLAT.spec.normalization.low)
    filled = segment(np.where(hole, low, image), FLAT)
    assert (filled[~hole] == labels[~hole]).mean() > 0.95


def test_a_frame_mostly_of_nan_is_an_error() -> None:
    image = np.full((40, 40), np.nan, np.float32)
    image[:15] = 1.0
    with pytest.raises(ScanError, match="NaN or infinite"):
        segment(image, FLAT)


@pytest.mark.parametrize("value", [0, 7, 255])
def test_constant_images_have_a_defined_result(value: int) -> None:
    labels = segment(np.full((40, 40), value, np.uint8), FLAT)
    np.testing.assert_array_equal(labels, segment(np.zeros((40, 40), np.uint8), FLAT))


def test_the_threshold_moves_the_border() -> None:
    image = smooth_image((80, 80))
    areas = [
        int(segment(image, BINARY, settings=SegmentSettings(threshold=value)).sum())
        for value in (0.2, 0.5, 0.8)
    ]
    assert areas[0] > areas[1] > areas[2] > 0
    with pytest.raises(SettingsError, match="two classes"):
        segment(image, FLAT, settings=SegmentSettings(threshold=0.5))


def test_an_unknown_device_is_named() -> None:
    with pytest.raises(DeviceError, match="no device 'tpu'"):
        segment(smooth_image((20, 20)), FLAT, settings=SegmentSettings(device="tpu"))


def test_spacing_makes_the_same_object_look_the_same() -> None:
    """The model's pixel is twice as large as the scan's: the result is near that of the halved
    image.
    """
    spec = tiny_spec(spacing=(0.2, 0.2))
    model = tiny_model(spec)
    fine = np.kron(smooth_image((40, 40)), np.ones((2, 2), np.float32))
    labels = segment(fine, model, spacing=(0.1, 0.1))
    coarse = segment(fine.reshape(40, 2, 40, 2).mean((1, 3)), model, spacing=(0.2, 0.2))
    assert labels.shape == fine.shape
    assert (labels[::2, ::2] == coarse).mean() > 0.85
    off = segment(fine, model, spacing=(0.1, 0.1), settings=SegmentSettings(resample=False))
    np.testing.assert_array_equal(off, segment(fine, model))
    assert (off != labels).mean() > 0.05


@pytest.mark.parametrize(
    ("spacing", "unit", "noted"),
    [
        ((0.1, 0.1), "um", True),
        ((100.0, 100.0), "nm", True),
        ((0.19, 0.19), "um", False),
        ((1.0, 1.0), "pixel", False),
    ],
)
def test_resampling_is_reported_when_it_happens(
    spacing: tuple[float, float], unit: str, noted: bool
) -> None:
    scan = Scan(np.zeros((20, 20)), "yx", spacing, unit)
    said = notes(tiny_spec(spacing=(0.2, 0.2)), scan, SegmentSettings())
    assert any("Resampled" in note for note in said) == noted


def test_stop_keeps_finished_tiles_and_cancel_raises() -> None:
    scan = scan_of(smooth_image((160, 160)))
    job = plan_job(FLAT.spec, scan, SegmentSettings(tile_px=16))
    seen: list[TileResult] = []
    for tile in stream(
        FLAT, job, control=lambda: Control.STOP if len(seen) == 3 else Control.CONTINUE
    ):
        seen.append(tile)
    assert [tile.done for tile in seen] == [1, 2, 3]
    assert seen[-1].total == 100
    with pytest.raises(Cancelled):
        list(stream(FLAT, job, control=lambda: Control.CANCEL))


def test_control_is_called_inside_a_tile() -> None:
    control = 0

    def count() -> Control:
        nonlocal control
        control += 1
        return Control.CONTINUE

    job = plan_job(FLAT.spec, scan_of(smooth_image((32, 32))), SegmentSettings(engine="torch"))
    assert len(list(stream(FLAT, job, control=count))) == 1
    assert control > 10


def test_progress_counts_to_the_end() -> None:
    seen: list[Progress] = []
    segment(
        smooth_image((2, 64, 64)),
        FLAT,
        settings=SegmentSettings(tile_px=32),
        on_progress=seen.append,
    )
    assert [p.done for p in seen] == list(range(9))
    assert {p.total for p in seen} == {8}
    assert seen[-1].seconds_left == 0


def test_frames_come_in_order_of_closeness_to_the_one_in_view() -> None:
    scan = scan_of(smooth_image((5, 20, 20)))
    job = plan_job(FLAT.spec, scan, SegmentSettings())
    order = [tile.frame[0] for tile in stream(FLAT, job, focus=Focus((3,), (0.0, 0.0)))]
    assert order[0] == 3
    assert sorted(order[1:3]) == [2, 4]
    assert order[-1] == 0


def test_chosen_frames_only() -> None:
    job = plan_job(FLAT.spec, scan_of(smooth_image((5, 20, 20))), SegmentSettings(), frames=[(2,)])
    assert [tile.frame for tile in stream(FLAT, job)] == [(2,)]


def test_facts_of_a_run_are_plain_and_complete() -> None:
    job = plan_job(BINARY.spec, scan_of(smooth_image((20, 20))), SegmentSettings())
    facts = run_facts(BINARY, job, TorchEngine(BINARY.network, note="OpenVINO can not run this."))
    assert facts["weights_sha256"] == BINARY.weights_sha256
    assert facts["halo"] == {"kind": "exact", "voxels": [24, 24]}
    assert facts["threshold"] == 0.5
    assert facts["engine"] == f"torch {torch.__version__} on cpu"
    assert facts["engine_note"] == "OpenVINO can not run this."
    made = {
        "model",
        "weights_sha256",
        "settings",
        "threshold",
        "engine",
        "engine_note",
        "engine_reason",
        "precision",
        "halo",
        "versions",
    }
    assert set(facts) == made | {"spacing", "spacing_unit", "resampled_to"}


def test_arrays_in_colour_are_seen_as_such_by_a_grey_model() -> None:
    grey = np.round(smooth_image((40, 48)) * 255).astype(np.uint8)
    colours = np.stack([grey] * 3, axis=-1)
    wanted = segment(grey, FLAT)
    np.testing.assert_array_equal(segment(colours, FLAT), wanted)
    np.testing.assert_array_equal(segment(colours, FLAT, axes="yxc"), wanted)
    opaque = np.concatenate([colours, np.full((40, 48, 1), 255, np.uint8)], axis=-1)
    np.testing.assert_array_equal(segment(opaque, FLAT), wanted)


def test_a_few_bright_spots_on_nothing_are_not_lost() -> None:
    image = np.zeros((400, 400), np.uint8)
    image[200:204, 100:104] = 9
    assert (
        segment(image, FLAT).max() != segment(np.zeros_like(image), FLAT).max()
        or (segment(image, FLAT) != segment(image * 0, FLAT)).any()
    )


def test_an_absurd_spacing_is_refused() -> None:
    model = tiny_model(tiny_spec(spacing=(0.1, 0.1)))
    with pytest.raises(ScanError, match="too far apart"):
        segment(smooth_image((40, 40)), model, spacing=(100.0, 100.0))
    assert segment(
        smooth_image((40, 40)),
        model,
        spacing=(100.0, 100.0),
        settings=SegmentSettings(resample=False),
    ).shape == (40, 40)


def test_stop_is_heard_while_statistics_are_taken() -> None:
    job = plan_job(FLAT.spec, scan_of(smooth_image((32, 32))), SegmentSettings())
    assert list(stream(FLAT, job, control=lambda: Control.STOP)) == []


@pytest.fixture(scope="module")
def two_classes() -> Model:
    return tiny_model(tiny_spec())


def test_one_absurd_value_changes_no_label_far_from_it(two_classes: Model) -> None:
    image = smooth_image((96, 96))
    plain = segment(image, two_classes)
    for kind, value in ((np.float32, 3.4e38), (np.float32, -3.4e38), (np.float64, 1e308)):
        odd = image.astype(kind)
        odd[0, 0] = value
        changed = segment(odd, two_classes) != plain
        assert changed[48:, 48:].mean() < 0.01  # the percentiles move by a thousandth


def test_a_band_without_image_is_background_and_changes_no_other_label(two_classes: Model) -> None:
    noise = np.random.default_rng(0).normal(0, 4, (96, 120))
    image = (100 + 400 * smooth_image((96, 120)) + noise).astype(np.uint16)
    banded = image.copy()
    banded[:, :6] = 0
    labels = segment(banded, two_classes)
    assert (labels[:, :5] == 0).all()
    assert (labels[:, 40:] != segment(image, two_classes)[:, 40:]).mean() < 0.02
    whole = segment(banded, two_classes, settings=SegmentSettings(empty_borders=False))
    assert (whole != labels).any()

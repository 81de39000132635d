import json

import numpy as np
import pytest

from napari_unet.devices import Device
from napari_unet.learn.data.corrections import PAINTED
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup import fingerprint
from napari_unet.learn.setup.fingerprint import (
    dimensions_for,
    fingerprint_of,
    spec_from_scratch,
    with_patches,
)
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import total_strides
from napari_unet.model.spec import ClassSpec, TrainedSpacing
from napari_unet.scans.scan import scan_of

CLASSES = (ClassSpec(name="background", colour="#000000"), ClassSpec(name="cell", colour="#ff9f1c"))
CPU = Device("cpu", "Processor", memory_bytes=2**33)
GPU = Device("cuda:0", "Accelerator", memory_bytes=2**34)


def item(
    *shape: int,
    axes: str | None = None,
    spacing: tuple[float, ...] | None = None,
    px: int = 0,
    trusted: int | None = None,
) -> TrainItem:
    """Zeros with one square object, of which the first slices are trusted."""
    labels = np.zeros(shape, np.uint8)
    labels[..., 2 : 2 + px, 2 : 2 + px] = 1
    trust = None if trusted is None else np.zeros(shape, np.uint8)
    if trust is not None:
        trust[:trusted] = PAINTED
    return TrainItem(
        scan_of(np.zeros(shape, np.uint8), axes=axes or "zyx"[-len(shape) :], spacing=spacing),
        labels,
        trust,
    )


@pytest.mark.parametrize(
    ("items", "expected", "why"),
    [
        ([item(64, 64)], 2, "no|not every image"),
        ([item(20, 32, 32), item(32, 32)], 2, "not every image"),
        ([item(5, 32, 32)], 2, "5 slices"),
        ([item(20, 32, 32, spacing=(6, 1, 1))], 2, "6 times as deep"),
        ([item(20, 32, 32, trusted=4)], 2, "20% of the slices"),
        ([item(20, 32, 32, trusted=15)], 3, "volumes"),
        ([item(20, 32, 32, spacing=(3, 1, 1))], 3, "volumes"),
        ([item(2, 20, 32, 32, axes="tzyx", trusted=1)], 3, "volumes"),
    ],
)
def test_slices_and_volumes_are_told_apart(items: list[TrainItem], expected: int, why: str) -> None:
    dimensions, reason = dimensions_for(items)
    assert dimensions == expected
    assert any(part in reason for part in why.split("|"))


def test_the_grid_is_the_middle_of_the_scans() -> None:
    items = [item(40, 60, spacing=(size, size), px=12) for size in (0.5, 1.0, 4.0)]
    found = fingerprint_of(items)
    assert found.spacing_um == (1.0, 1.0)
    assert found.shape == (40, 60)
    assert found.object_px[1] == pytest.approx(12 * 2 / np.pi**0.5, rel=0.02)
    unknown = fingerprint_of([*items, item(40, 60)])
    assert unknown.spacing_um is None


def config_for(one: TrainItem, device: Device = CPU) -> UNetConfig:
    return spec_from_scratch([one], CLASSES, device).architecture


def test_an_axis_is_pooled_while_it_is_long_and_fine_enough() -> None:
    assert config_for(item(16, 128, 128, spacing=(4, 1, 1), px=30)).level_strides[:3] == (
        (1, 2, 2),
        (1, 2, 2),
        (2, 2, 2),
    )
    assert total_strides(config_for(item(8, 128, 128, px=30)))[0] == 2
    assert config_for(item(9, 9)).depth == 1


def test_larger_objects_take_more_levels() -> None:
    assert [config_for(item(512, 512, px=px)).depth for px in (8, 30, 120)] == [3, 4, 5]


@pytest.mark.parametrize("shape", [(40, 60), (512, 700), (35, 51, 36), (20, 300, 300)])
def test_patches_fit_the_frame_the_network_and_the_step(shape: tuple[int, ...]) -> None:
    one = item(*shape)
    spec = spec_from_scratch([one], CLASSES, CPU)
    filled = with_patches(TrainSettings(), [one], spec, CPU)
    assert filled.patch_shape is not None
    assert filled.batch is not None
    strides = total_strides(spec.architecture)
    assert all(
        side % step == 0 and side < n + step
        for side, step, n in zip(filled.patch_shape, strides, shape, strict=True)
    )
    assert 2 <= filled.batch <= fingerprint.MOST_BATCH[len(shape)]
    assert np.prod(filled.patch_shape) * filled.batch <= 1.5 * fingerprint.STEP_VOXELS[len(shape)]


def test_an_accelerator_gets_more_and_little_memory_less(monkeypatch: pytest.MonkeyPatch) -> None:
    one = item(512, 512)
    spec = spec_from_scratch([one], CLASSES, CPU)
    assert config_for(one, GPU).width > spec.architecture.width
    cpu, gpu = (with_patches(TrainSettings(), [one], spec, device) for device in (CPU, GPU))
    monkeypatch.setattr(fingerprint, "ram_total_bytes", lambda: 2**28)
    less = with_patches(TrainSettings(), [one], spec, CPU)
    assert voxels(less) < voxels(cpu) < voxels(gpu) / 2


def test_what_happens_to_be_free_decides_nothing() -> None:
    one = item(512, 512)
    busy = Device("cpu", "Processor", memory_bytes=2**20)
    spec = spec_from_scratch([one], CLASSES, CPU)
    assert spec_from_scratch([one], CLASSES, busy) == spec
    assert with_patches(TrainSettings(), [one], spec, busy) == with_patches(
        TrainSettings(), [one], spec, CPU
    )


def voxels(settings: TrainSettings) -> int:
    return (settings.batch or 0) * int(np.prod(settings.patch_shape or 0))


def test_what_was_given_is_kept_and_the_rest_filled_in() -> None:
    one = item(512, 512)
    spec = spec_from_scratch([one], CLASSES, CPU)
    given = with_patches(TrainSettings(patch_px=64), [one], spec, CPU)
    assert given.patch_shape is None
    assert given.batch == 16
    assert with_patches(TrainSettings(batch=3), [one], spec, CPU).batch == 3
    assert with_patches(TrainSettings(patch_shape=(64, 96)), [one], spec, CPU).patch_shape == (
        64,
        96,
    )


def test_patches_of_a_model_that_is_there_are_on_its_grid() -> None:
    one = item(120, 120, spacing=(0.5, 0.5), px=20)
    spec = spec_from_scratch([one], CLASSES, CPU)
    coarse = spec.model_copy(update={"spacing": TrainedSpacing(size=(1.0, 1.0))})
    assert with_patches(TrainSettings(), [one], coarse, CPU).patch_shape == (64, 64)
    assert fingerprint_of([one], coarse).object_px[1] == pytest.approx(
        fingerprint_of([one]).object_px[1] / 2
    )


def test_the_record_is_plain_and_small() -> None:
    spec = spec_from_scratch([item(20, 64, 64, spacing=(2, 1, 1), px=10)], CLASSES, CPU)
    record = json.loads(spec.model_dump_json())["provenance"]["training"]["fingerprint"]
    assert record["object_px"].keys() == {"1"}
    assert record["why"] == "volumes are labelled"
    assert len(json.dumps(record)) < 1000

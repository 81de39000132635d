import json

import numpy as np
import pytest

from helpers.items import square_item as item
from napari_unet.devices import Device
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup import choose_network
from napari_unet.learn.setup.choose_network import spec_from_scratch, with_patches
from napari_unet.learn.setup.fingerprint import fingerprint_of
from napari_unet.model.config import UNetConfig
from napari_unet.model.geometry import total_strides
from napari_unet.model.spec import ClassSpec, TrainedSpacing

CLASSES = (ClassSpec(name="background", colour="#000000"), ClassSpec(name="cell", colour="#ff9f1c"))
CPU = Device("cpu", "Processor", memory_bytes=2**33)
GPU = Device("cuda:0", "Accelerator", memory_bytes=2**34)


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
    assert 2 <= filled.batch <= choose_network.MOST_BATCH[len(shape)]
    assert (
        np.prod(filled.patch_shape) * filled.batch <= 1.5 * choose_network.STEP_VOXELS[len(shape)]
    )


def test_an_accelerator_gets_more_and_little_memory_less(monkeypatch: pytest.MonkeyPatch) -> None:
    one = item(512, 512)
    spec = spec_from_scratch([one], CLASSES, CPU)
    assert config_for(one, GPU).width > spec.architecture.width
    cpu, gpu = (with_patches(TrainSettings(), [one], spec, device) for device in (CPU, GPU))
    monkeypatch.setattr(choose_network, "ram_total_bytes", lambda: 2**28)
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


def test_the_fingerprint_in_the_provenance_is_plain_and_small() -> None:
    spec = spec_from_scratch([item(20, 64, 64, spacing=(2, 1, 1), px=10)], CLASSES, CPU)
    values = json.loads(spec.model_dump_json())["provenance"]["training"]["fingerprint"]
    assert values["object_px"].keys() == {"1"}
    assert values["why"] == "volumes are labelled"
    assert len(json.dumps(values)) < 1000

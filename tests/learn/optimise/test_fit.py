import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from helpers.tiny import smooth_image, tiny_spec
from napari_unet import segment
from napari_unet.errors import Cancelled, SettingsError
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.optimise.fit import FitStep, fit
from napari_unet.learn.settings import TrainSettings
from napari_unet.measure.metrics import overlap
from napari_unet.progress import Control
from napari_unet.scans.scan import scan_of


def discs(seed: int = 0, side: int = 96) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    seeds = np.ones((side, side), bool)
    seeds[tuple(rng.integers(8, side - 8, (2, 9)))] = False
    truth = (distance_transform_edt(seeds) < 7).astype(np.uint8)
    return (truth * 100 + rng.normal(0, 15, truth.shape)).astype(np.float32), truth


def test_a_minute_network_learns_discs_it_has_not_seen() -> None:
    spec = tiny_spec(width=8, depth=2)
    image, truth = discs()
    result = fit(
        examples_of(scan_of(image), truth, spec),
        spec,
        TrainSettings(steps=60, batch=4, patch_px=48, average=0.9, learning_rate=1e-2),
    )
    other, wanted = discs(1)
    assert overlap(segment(other, result.model), wanted).dice > 0.9
    assert result.losses[-1] < result.losses[0] / 2


def test_same_seed_and_steps_give_the_same_bits() -> None:
    spec = tiny_spec(depth=1)
    image, truth = discs()
    examples = examples_of(scan_of(image), truth, spec)
    settings = TrainSettings(steps=3, batch=2, patch_px=32)
    one, two = (fit(examples, spec, settings).model.weights_sha256 for _ in range(2))
    other = fit(examples, spec, settings.model_copy(update={"seed": 1})).model.weights_sha256
    assert one == two != other


def test_three_classes_and_volumes_train_too() -> None:
    spec = tiny_spec(3, depth=1, classes=3)
    image = smooth_image((20, 24, 24))
    truth = np.digitize(image, np.quantile(image, [0.4, 0.7])).astype(np.uint8)
    result = fit(
        examples_of(scan_of(image), truth, spec),
        spec,
        TrainSettings(steps=40, batch=2, patch_px=16, average=0.9, learning_rate=1e-2),
    )
    assert np.mean(result.losses[-5:]) < np.mean(result.losses[:5])


def test_stop_keeps_the_model_and_cancel_does_not() -> None:
    spec = tiny_spec(depth=1)
    examples = examples_of(scan_of(discs()[0]), discs()[1], spec)
    settings = TrainSettings(steps=1000, batch=1, patch_px=32)
    answer = [Control.CONTINUE]

    def stop_after_two(step: FitStep) -> None:
        answer[0] = Control.STOP if step.done == 2 else Control.CONTINUE

    stopped = fit(examples, spec, settings, on_step=stop_after_two, control=lambda: answer[0])
    assert (stopped.steps, stopped.ended) == (2, "stopped")
    with pytest.raises(Cancelled):
        fit(examples, spec, settings, control=lambda: Control.CANCEL)
    with pytest.raises(SettingsError, match="nothing to learn"):
        fit([], spec, settings)

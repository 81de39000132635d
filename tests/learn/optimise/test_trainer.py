"""What a training does to a network: what learns, what stays, and when it heeds the user."""

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from helpers.failing import MEMORY_ERRORS
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.errors import Cancelled, NotEnoughMemoryError, SettingsError
from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.data.patches import PatchSampler
from napari_unet.learn.forgetting.guard import disagreement
from napari_unet.learn.optimise.budget import WorkClock
from napari_unet.learn.optimise.fit import Fit, FitRun, FitStep, fit
from napari_unet.learn.optimise.trainer import Trainer, computes_bfloat16
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.head import head_for_classes
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, Stopped, always_continue

SPEC = tiny_spec()
STILL = AugmentSettings(
    flips=False,
    rotation_deg=0,
    scale=1,
    shear=0,
    elastic_px=0,
    contrast=1,
    brightness=0,
    gamma=1,
    noise=0,
    blur_px=0,
)
QUICK = TrainSettings(steps=8, batch=2, patch_px=32, learning_rate=1e-2)


@pytest.fixture
def example() -> Example:
    image = smooth_image((48, 48), 3)[None]
    return Example(image, (image[0] > np.median(image)).astype(np.uint8))


def weights(model: Model) -> dict[str, torch.Tensor]:
    return {
        key: value for key, value in model.network.state_dict().items() if value.is_floating_point()
    }


def changed(fitted: Fit, parent: Model) -> set[str]:
    before = weights(parent)
    return {
        key for key, value in weights(fitted.model).items() if not torch.equal(value, before[key])
    }


def test_a_fine_tune_keeps_the_parents_statistics_and_learns_the_rest(example: Example) -> None:
    parent = tiny_model(SPEC)
    own = {key: value.clone() for key, value in weights(parent).items()}
    fitted = fit([example], SPEC, QUICK, start=parent.network)
    assert changed(fitted, parent) == {key for key in own if "running" not in key}
    assert all(torch.equal(value, own[key]) for key, value in weights(parent).items())
    learnt = fit(
        [example],
        SPEC,
        QUICK.model_copy(update={"norm_statistics": "learnt"}),
        start=parent.network,
    )
    assert {key for key in own if "running" in key} <= changed(learnt, parent)


def test_tiles_of_a_fine_tuned_network_are_exact(example: Example) -> None:
    child = fit([example], SPEC, QUICK, start=tiny_model(SPEC).network).model
    image = smooth_image((150, 130), 9)
    whole, tiled = (
        segment(image, child, settings=SegmentSettings(tile_px=side)) for side in (512, 32)
    )
    assert 0.05 < whole.mean() < 0.95
    np.testing.assert_array_equal(whole, tiled)


def test_frozen_levels_stay_to_the_bit(example: Example) -> None:
    parent = tiny_model(SPEC)
    settings = QUICK.model_copy(update={"frozen_levels": 2, "norm_statistics": "learnt"})
    moved = changed(fit([example], SPEC, settings, start=parent.network), parent)
    assert not any(key.startswith(("encoder.0", "encoder.1")) for key in moved)
    assert any(key.startswith("encoder.2") for key in moved)
    assert any(key.startswith("decoder") for key in moved)


def test_the_guard_keeps_the_weights_near_the_parents(example: Example) -> None:
    parent = tiny_model(SPEC)

    def distance(strength: float) -> float:
        fitted = fit(
            [example],
            SPEC,
            QUICK.model_copy(update={"guard_weights": strength, "steps": 30}),
            start=parent.network,
        )
        before = weights(parent)
        return float(
            sum((value - before[key]).norm() for key, value in weights(fitted.model).items())
        )

    far, near, at_home = (distance(strength) for strength in (0.0, 10.0, 1e4))
    assert at_home < near < 0.9 * far


def test_the_guard_holds_outputs_where_nothing_is_trusted() -> None:
    parent = tiny_model(SPEC)
    image = smooth_image((48, 48), 3)
    before = segment(image, parent)
    labels = np.full(image.shape, IGNORE, np.uint8)
    labels[:, :6] = 1
    with torch.no_grad():
        targets = (
            torch.sigmoid(parent.network(torch.from_numpy(image)[None, None]))[0]
            .numpy()
            .astype(np.float16)
        )
    settings = QUICK.model_copy(
        update={
            "steps": 60,
            "patch_px": 48,
            "fit_head": False,
            "guard_weights": 0.0,
            "average": 0.5,
            "augment": STILL,
        }
    )

    def agreement(strength: float) -> float:
        example = Example(image[None], labels, targets)
        child = fit(
            [example],
            SPEC,
            settings.model_copy(update={"guard_outputs": strength}),
            start=parent.network,
        ).model
        return float((segment(image, child) == before)[:, 24:].mean())

    free = agreement(0.0)
    held = agreement(10.0)
    assert held > free + 0.1


def test_the_parent_targets_of_each_patch_count_as_its_example_says() -> None:
    torch.manual_seed(0)
    head = head_for_classes(2)
    scores = torch.randn(2, 1, 8, 8)
    targets = torch.rand(2, 1, 8, 8)
    labels = torch.full((2, 8, 8), IGNORE)
    whole = disagreement(scores, labels, targets, head)
    first = disagreement(scores[:1], labels[:1], targets[:1], head)
    assert torch.allclose(
        disagreement(scores, labels, targets, head, torch.tensor([1.0, 1.0])), whole
    )
    assert torch.allclose(
        disagreement(scores, labels, targets, head, torch.tensor([1.0, 0.0])), first / 2
    )
    examples = [
        Example(
            np.zeros((1, 32, 32), np.float32),
            np.zeros((32, 32), np.uint8),
            np.zeros((1, 32, 32)),
            target_weight=g,
        )
        for g in (0.25, 1.0)
    ]
    shares = (
        PatchSampler(examples, QUICK.model_copy(update={"patch_px": 16})).batch(40).target_weight
    )
    assert shares is not None
    assert set(shares.tolist()) == {0.25, 1.0}


def test_an_empty_guard_costs_nothing(example: Example) -> None:
    trainer = Trainer([example], SPEC, QUICK.chosen_for(fine_tuning=False), None, always_continue)
    assert not trainer.guard._parents


@pytest.mark.parametrize(("bad", "fine_tuned"), [(np.nan, True), (1e38, True), (1e30, False)])
def test_a_loss_that_is_no_number_ends_with_the_weights_before(
    example: Example, bad: float, fine_tuned: bool
) -> None:
    broken = replace(example, image=example.image.copy())
    good: dict[int, dict[str, torch.Tensor]] = {}

    def spoil(step: FitStep) -> None:
        good[step.done] = {key: value.clone() for key, value in step.averaged.state_dict().items()}
        if step.done == 3:
            broken.image[:] = bad

    fitted = fit(
        [broken], SPEC, QUICK, start=tiny_model(SPEC).network if fine_tuned else None, on_step=spoil
    )
    assert (fitted.ended, fitted.steps) == ("nan", 3)
    assert "step 4" in fitted.sentence
    assert all(
        torch.equal(value, good[3][key]) for key, value in fitted.model.network.state_dict().items()
    )
    assert all(torch.isfinite(value).all() for value in weights(fitted.model).values())


def test_control_is_called_within_a_step_forward_and_back(example: Example) -> None:
    count = 0

    def ask() -> Control:
        nonlocal count
        count += 1
        return Control.CONTINUE

    trainer = Trainer([example], SPEC, QUICK.chosen_for(fine_tuning=False), None, ask)
    trainer.step(1.0, 0)
    convolutions = 2 * (2 * SPEC.architecture.depth + 1)
    assert count == 2 * convolutions


@pytest.mark.parametrize("failure", MEMORY_ERRORS.values(), ids=MEMORY_ERRORS)
def test_memory_that_is_not_enough_for_a_step_is_an_error_of_ours(
    example: Example, failure: Callable[[], Exception]
) -> None:
    def run_out() -> Control:
        raise failure()

    trainer = Trainer([example], SPEC, QUICK.chosen_for(fine_tuning=False), None, run_out)
    with pytest.raises(NotEnoughMemoryError, match=r"this computer was not enough .*patches"):
        trainer.step(1.0, 0)


@pytest.mark.parametrize("at", [2, 15])
@pytest.mark.parametrize("answer", [Control.STOP, Control.CANCEL])
def test_a_step_is_left_in_the_middle(example: Example, at: int, answer: Control) -> None:
    answers: Iterator[Control] = iter([*[Control.CONTINUE] * at, answer])
    trainer = Trainer(
        [example], SPEC, QUICK.chosen_for(fine_tuning=False), None, lambda: next(answers)
    )
    before = {key: value.clone() for key, value in trainer.averaged.state_dict().items()}
    with pytest.raises(Stopped if answer is Control.STOP else Cancelled):
        trainer.step(1.0, 0)
    assert all(
        torch.equal(value, before[key]) for key, value in trainer.averaged.state_dict().items()
    )


def test_stopped_in_a_step_is_the_network_of_the_steps_before(example: Example) -> None:
    answer = [Control.CONTINUE]
    asked_since = 0

    def ask() -> Control:
        nonlocal asked_since
        asked_since += answer[0] is Control.PAUSE
        if asked_since == 5:
            answer[0] = Control.STOP
        return Control.CONTINUE if answer[0] is Control.PAUSE else answer[0]

    def in_the_fourth(step: FitStep) -> None:
        if step.done == 3:
            answer[0] = Control.PAUSE

    stopped = fit([example], SPEC, QUICK, on_step=in_the_fourth, control=ask)
    assert (stopped.steps, stopped.ended) == (3, "stopped")
    assert stopped.settings.planned_steps == 8
    again = fit([example], SPEC, TrainSettings.model_validate(stopped.settings.model_dump()))
    assert again.model.weights_sha256 == stopped.model.weights_sha256


def test_a_pause_is_waited_out_and_does_not_count(example: Example) -> None:
    begin = time.monotonic()
    seen = 0

    def ask() -> Control:
        nonlocal seen
        seen += 1
        return Control.PAUSE if 10 < seen < 20 else Control.CONTINUE

    fitted = fit([example], SPEC, QUICK, control=ask)
    assert fitted.steps == 8
    assert 0.4 < fitted.paused_s < time.monotonic() - begin


@pytest.mark.alone
def test_minutes_end_in_time_and_can_be_repeated(example: Example) -> None:
    begin = time.monotonic()
    settings = TrainSettings(minutes=0.03, batch=1, patch_px=32, warmup_steps=8)
    fitted = fit([example], SPEC, settings)
    assert time.monotonic() - begin < 0.03 * 60 + 0.3
    assert fitted.settings.minutes is None
    assert fitted.settings.steps == fitted.steps == len(fitted.losses)
    again = fit([example], SPEC, TrainSettings.model_validate(fitted.settings.model_dump()))
    assert again.model.weights_sha256 == fitted.model.weights_sha256


def test_the_caller_says_when_it_has_to_be_over(example: Example) -> None:
    fitted = fit(
        [example],
        SPEC,
        TrainSettings(minutes=10, batch=1, patch_px=32),
        run=FitRun(ends_at=time.monotonic() + 0.5),
    )
    assert 1 <= fitted.steps < 500


def test_a_start_of_another_shape_is_refused(example: Example) -> None:
    with pytest.raises(SettingsError, match="to start from"):
        fit([example], tiny_spec(classes=3), QUICK, start=tiny_model(SPEC).network)


def test_bfloat16_is_chosen_where_it_is_fast(example: Example) -> None:
    trainer = Trainer([example], SPEC, QUICK.chosen_for(fine_tuning=False), None, always_continue)
    assert trainer.precision == ("bfloat16" if computes_bfloat16("cpu") else "float32")
    assert not computes_bfloat16("mps")
    plain = Trainer(
        [example],
        SPEC,
        QUICK.model_copy(update={"precision": "float32"}).chosen_for(fine_tuning=False),
        None,
        always_continue,
    )
    assert plain.precision == "float32"


def test_a_clock_of_work_starts_at_the_clock() -> None:
    assert WorkClock(lambda: 5.0)() == 5.0

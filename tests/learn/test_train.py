"""`napari_unet.train`: from labelled images to a model with a verdict, with nets of a few hundred
weights.
"""

import time
import weakref
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import napari_unet as nu
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import (
    BusyError,
    Cancelled,
    CheckpointError,
    ScanError,
    SettingsError,
)
from napari_unet.files.only_writer import only_writer
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.judging.held_out import hold_out
from napari_unet.learn.monitor import Event, HeldOutScore, PreviewFailed, StepDone
from napari_unet.learn.optimise import trainer
from napari_unet.learn.train import TrainResult, train
from napari_unet.measure.metrics import overlap
from napari_unet.model.library import load_model, save_model
from napari_unet.model.model import Model
from napari_unet.model.spec import Provenance
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, Progress, Stopped
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.out_of_memory import memory_errors_explained

BY_TORCH = nu.SegmentSettings(engine="torch")  # as a training runs its models

QUICK: dict[str, Any] = {"batch": 2, "patch_px": 32, "warmup_steps": 5}


def discs(seed: int = 0, side: int = 112) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    truth = np.zeros((side, side), np.uint8)
    for cy in range(9, side, 18):
        for cx in range(9, side, 18):
            truth |= (
                np.hypot(y - cy - rng.uniform(-3, 3), x - cx - rng.uniform(-3, 3)) < 5
            ).astype(np.uint8)
    return (truth * 100 + rng.normal(0, 20, truth.shape)).astype(np.float32), truth


@pytest.fixture(scope="module")
def parent() -> Model:
    return tiny_model(tiny_spec(depth=1))


def quick(steps: int = 3, **other: Any) -> nu.TrainSettings:
    return nu.TrainSettings(steps=steps, **(QUICK | other))


@pytest.mark.parametrize(("held_to", "guarded"), [(0.0, 0), (0.5, 1)])
def test_the_scan_that_teaches_is_held_to_its_parent_only_if_asked_for(
    parent: Model, monkeypatch: pytest.MonkeyPatch, held_to: float, guarded: int
) -> None:
    image, truth = discs(0, 64)
    trust = np.zeros(truth.shape, np.uint8)
    trust[:, :20] = 1
    seen: list[Example] = []
    room = import_module("napari_unet.learn.train")
    honest = room.fit

    def watched(examples: list[Example], *given: Any, **options: Any) -> Any:
        seen.extend(examples)
        return honest(examples, *given, **options)

    monkeypatch.setattr(room, "fit", watched)
    train(
        [(image, truth, trust)],
        start=parent,
        settings=quick(2, keep_what_it_knew=True, guard_untrusted=held_to, guard_drawn_images=2),
    )
    own = [each for each in seen if (each.labels != IGNORE).any()]
    assert sum(each.parent_targets is not None for each in own) == guarded
    assert {each.target_weight for each in own} == ({held_to} if held_to else {1.0})
    assert len(seen) - len(own) == 2


def test_an_honest_fine_tune_wins_and_says_so(parent: Model) -> None:
    items = [discs(seed, 64) for seed in range(6)]
    result = train(
        items,
        start=parent,
        settings=quick(60, learning_rate=2e-2, guard_weights=0, guard_outputs=0, average=0.8),
    )
    assert result.verdict.kind == "child", result.verdict.sentence
    assert result.best is result.model
    assert result.verdict.mean is not None
    assert result.verdict.mean.child > 0.7
    assert len(result.history.losses) == 60
    assert result.model.spec.name == "tiny (round 1)"


def test_another_budget_forgets_the_plan_of_the_settings(parent: Model) -> None:
    planned = quick(9, planned_steps=12, fall_from=8)
    result = train([discs(0, 64)], start=parent, settings=planned, steps=6)
    assert (result.settings.steps, result.settings.planned_steps, result.settings.fall_from) == (
        6,
        None,
        None,
    )


def test_the_parent_stays_where_the_child_learnt_nonsense(parent: Model) -> None:
    image, _ = discs()
    truth = nu.segment(image, parent, settings=BY_TORCH)  # the parent is always right
    result = train(
        [(image, truth)],
        start=parent,
        settings=quick(20, learning_rate=0.5, guard_weights=0, guard_outputs=0, average=0),
    )
    assert result.verdict.kind == "parent", result.verdict.sentence
    assert result.best is parent
    assert result.model.weights_sha256 != parent.weights_sha256


def test_held_out_labels_teach_nothing(parent: Model) -> None:
    image, truth = discs()
    first = train([(image, truth)], start=parent, settings=quick())
    held = hold_out([TrainItem(scan_of(image), truth)], 2, [10.0], 1)
    (around,) = held.excluded
    (box,) = held.boxes
    altered = truth.copy()
    altered[box.slices] = altered[box.slices][::-1]  # objects of the same size, elsewhere
    second = train([(image, altered)], start=parent, settings=quick())
    assert first.model.weights_sha256 == second.model.weights_sha256
    assert first.verdict.mean != second.verdict.mean
    elsewhere = truth.copy()
    outside = np.ones(truth.shape, bool)
    outside[around.slices] = False
    elsewhere[outside] = 1 - elsewhere[outside]
    assert (
        train([(image, elsewhere)], start=parent, settings=quick()).model.weights_sha256
        != first.model.weights_sha256
    )


def test_rounds_turn(parent: Model) -> None:
    image, truth = discs()
    first = train([(image, truth)], start=parent, settings=quick())
    second = train([(image, truth)], start=first.model, settings=quick())
    rounds = [result.model.spec.provenance.training["round"] for result in (first, second)]
    assert rounds == [1, 2]
    assert second.model.spec.name == "tiny (round 2)"
    assert second.model.spec.provenance.parent == first.model.weights_sha256


def test_the_next_turn_teaches_what_was_held_out_before(parent: Model) -> None:
    image, truth = discs()
    first = train([(image, truth)], start=parent, settings=quick())
    assert first.settings.held_out_turn == 1
    (box,) = hold_out([TrainItem(scan_of(image), truth)], 2, [10.0], 1).boxes
    altered = truth.copy()
    altered[box.slices] = altered[box.slices][::-1]
    hashes = [
        train(
            [(image, labels)], start=parent, settings=quick(held_out_turn=turn)
        ).model.weights_sha256
        for turn in (1, 2)
        for labels in (truth, altered)
    ]
    assert hashes[0] == hashes[1] == first.model.weights_sha256
    assert hashes[2] != hashes[3]  # now it teaches


def test_the_turn_is_recorded_and_replayed_and_is_not_the_round(parent: Model) -> None:
    result = train([discs()], start=parent, settings=quick(held_out_turn=2))
    training = result.model.spec.provenance.training
    assert (training["round"], training["settings"]["held_out_turn"]) == (1, 2)
    assert (
        train([discs()], start=parent, settings=result.settings).model.weights_sha256
        == result.model.weights_sha256
    )


def test_a_file_that_tells_nonsense_of_its_round_begins_anew(parent: Model) -> None:
    odd = parent.spec.model_copy(update={"provenance": Provenance(training={"round": "many"})})
    result = train(
        [discs()], start=Model(odd, parent.network, parent.weights_sha256), settings=quick(1)
    )
    assert result.model.spec.provenance.training["round"] == 1


def test_provenance_survives_a_file_and_repeats_the_training(parent: Model, tmp_path: Path) -> None:
    image, truth = discs()
    trust = np.full(truth.shape, 2, np.uint8)
    trust[:, 100:] = 1
    result = train([(image, truth, trust)], start=parent, settings=quick())
    saved = load_model(save_model(result.model, tmp_path / "child.safetensors")).spec.provenance
    assert saved.training["corrections"]["painted_voxels"] == 112 * 12
    assert saved.training["settings"]["steps"] == 3
    assert str(tmp_path) not in saved.model_dump_json()
    again = train(
        [(image, truth, trust)],
        start=parent,
        settings=nu.TrainSettings(**saved.training["settings"]),
    )
    assert again.model.weights_sha256 == result.model.weights_sha256


@pytest.mark.alone
def test_minutes_are_wall_time_with_the_verdict(parent: Model) -> None:
    began = time.monotonic()
    result = train([discs()], start=parent, settings=nu.TrainSettings(**QUICK), minutes=0.05)
    assert time.monotonic() - began < 3.0 + 0.3
    assert result.settings.minutes is None
    assert result.settings.steps == len(result.history.losses)


def test_from_scratch_the_childs_own_score_is_reported() -> None:
    image, truth = discs()
    learning = quick(30, learning_rate=2e-2, average=0.8)
    result = train([(image, truth * 2)], settings=learning, classes=["background", "none", "cell"])
    assert result.verdict.kind == "not judged", result.verdict.sentence
    assert "no earlier model" in result.verdict.sentence
    assert [each.name for each in result.verdict.classes] == ["background", "cell"]
    assert result.model.spec.architecture.out_channels == 3
    assert result.best is result.model
    assert result.changes == ()


def test_a_model_that_knows_nothing_says_so_with_a_parent_and_without(parent: Model) -> None:
    ignorant = quick(1, learning_rate=0.5, average=0)
    for start in (None, parent):
        result = train([discs()], start=start, settings=ignorant)
        assert result.verdict.kind in ("not learnt", "parent")
        assert "has not learnt what you marked" in result.verdict.sentence
        assert result.best is (result.model if start is None else parent)


def test_strokes_alone_are_not_judged_but_the_child_is_there(parent: Model) -> None:
    image, truth = discs()
    trust = np.zeros(truth.shape, np.uint8)
    trust[20:60, 20:60] = 1
    result = train([(image, truth, trust)], start=parent, settings=quick())
    assert (result.verdict.kind, result.verdict.sampling_units) == ("not judged", 0)
    assert result.verdict.corrected_now_right is not None
    assert result.verdict.untouched_changed is not None
    (changed,) = result.changes
    differing = nu.segment(image, parent, settings=BY_TORCH) != nu.segment(
        image, result.model, settings=BY_TORCH
    )
    np.testing.assert_array_equal(changed.mask, differing)
    assert result.verdict.untouched_changed == pytest.approx(differing[trust == 0].mean())


def test_a_training_runs_its_models_by_torch_alone(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(model: Model, precision: str) -> None:
        raise AssertionError("compiled for a model that is run once")

    monkeypatch.setattr(choice, "openvino_version", lambda: "1.2")
    monkeypatch.setattr(choice, "_openvino", never)
    assert train([discs()], start=parent, settings=quick()).verdict.kind != "not judged"
    with pytest.raises(AssertionError, match="run once"):
        nu.segment(discs()[0], parent, settings=nu.SegmentSettings(engine="openvino"))


def test_scores_are_those_of_segment_with_the_scans_own_spacing() -> None:
    parent = tiny_model(tiny_spec(depth=1, spacing=(0.2, 0.2)))
    image, truth = discs(side=160)
    scan = scan_of(image, spacing=(0.1, 0.1))
    result = train([TrainItem(scan, truth)], start=parent, settings=quick())
    (box,) = hold_out([TrainItem(scan, truth)], 2, [10.0], 1).boxes
    wanted = truth[box.slices] == 1
    for model, score in (
        (parent, result.verdict.classes[1].parent),
        (result.model, result.verdict.classes[1].child),
    ):
        found = nu.segment(scan, model, settings=BY_TORCH)[box.slices] == 1
        assert score == pytest.approx(2 * (found & wanted).sum() / (found.sum() + wanted.sum()))


def test_more_classes_widen_the_parent(parent: Model) -> None:
    image, truth = discs()
    truth[:20, :20] = 2
    truth[60:70, 60:70] = 2
    result = train(
        [(image, truth)], start=parent, settings=quick(), classes=["background", "class 1", "new"]
    )
    assert [each.name for each in result.model.spec.classes] == ["background", "class 1", "new"]
    with pytest.raises(ScanError, match="2 classes"):
        train([(image, truth)], start=parent, settings=quick())


def test_volumes_train_too() -> None:
    parent = tiny_model(tiny_spec(3, depth=1))
    image = smooth_image((20, 72, 72))
    truth = (image > np.quantile(image, 0.9)).astype(np.uint8)
    result = train([(image, truth)], start=parent, settings=quick(2, patch_px=16))
    assert result.verdict.sampling_units > 0


def preview_after_each_step(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("napari_unet.learn.monitor.PREVIEW_S", 0.0)
    patch.setattr("napari_unet.learn.monitor.PREVIEW_SHARE", 1e9)


def test_events_are_reported_and_change_nothing(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    image, truth = discs()
    silent = train([(image, truth)], start=parent, settings=quick(6))
    preview_after_each_step(monkeypatch)
    monkeypatch.setattr("napari_unet.learn.monitor.SCORE_SHARE", 1e9)
    events: list[Event] = []
    seen: list[int] = []
    result = train(
        [(image, truth)],
        start=parent,
        settings=quick(6),
        on_event=events.append,
        preview=lambda model, step: seen.append(step),
    )
    assert result.model.weights_sha256 == silent.model.weights_sha256
    assert [event.step for event in events if isinstance(event, StepDone)] == list(range(1, 7))
    scores = [event for event in events if isinstance(event, HeldOutScore)]
    assert scores
    assert set(scores[0].dice) == {"class 0", "class 1"}
    assert seen
    assert result.history.scores


def test_a_preview_that_fails_is_reported_once_and_the_training_goes_on(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview_after_each_step(monkeypatch)
    events: list[Event] = []
    shown: list[Progress] = []
    gone = FileNotFoundError("scan.zarr is gone")

    def preview(model: Model, step: int) -> None:
        raise gone

    result = train(
        [discs()],
        start=parent,
        settings=quick(4),
        preview=preview,
        on_event=events.append,
        on_progress=shown.append,
    )
    assert len(result.history.losses) == 4
    assert [event.error for event in events if isinstance(event, PreviewFailed)] == [gone]
    assert ["scan.zarr is gone" in note for note in result.notes] == [True]
    assert sum("scan.zarr is gone" in progress.note for progress in shown) == 1


def test_a_preview_that_runs_out_of_memory_lets_go_of_its_arrays(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview_after_each_step(monkeypatch)
    events: list[Event] = []
    alive: list[weakref.ref[np.ndarray]] = []

    def preview(model: Model, step: int) -> None:
        with memory_errors_explained("cuda:0"):
            run_out()

    def run_out() -> None:
        features = np.zeros(10)
        alive.append(weakref.ref(features))
        raise MemoryError

    train([discs()], start=parent, settings=quick(4), preview=preview, on_event=events.append)
    (failed,) = [event for event in events if isinstance(event, PreviewFailed)]
    assert "The memory of cuda:0 was not enough" in failed.sentence
    assert [ref() for ref in alive] == [None]


def test_what_the_user_wants_passes_through_a_preview(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview_after_each_step(monkeypatch)

    def trained(answer: type[Exception]) -> int:
        def preview(model: Model, step: int) -> None:
            raise answer

        return len(
            train([discs()], start=parent, settings=quick(9), preview=preview).history.losses
        )

    assert trained(Stopped) == 1
    with pytest.raises(Cancelled):
        trained(Cancelled)


def test_stop_keeps_and_judges_and_cancel_does_not(parent: Model) -> None:
    image, truth = discs()
    steps: list[Progress] = []

    def control() -> Control:
        return (
            Control.STOP if sum(progress.done > 0 for progress in steps) >= 2 else Control.CONTINUE
        )

    result = train(
        [(image, truth)],
        start=parent,
        settings=quick(1000),
        on_progress=steps.append,
        control=control,
    )
    assert len(result.history.losses) == 2
    assert result.verdict.sampling_units > 0
    assert "Stopped" in result.notes[0]
    with pytest.raises(Cancelled):
        train([(image, truth)], start=parent, settings=quick(1000), control=lambda: Control.CANCEL)


def test_a_loss_that_is_no_number_keeps_the_last_good_weights(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    honest = trainer.teaching_loss

    def broken(*given: Any) -> Any:
        calls.append(1)
        return honest(*given) * (float("nan") if len(calls) == 3 else 1.0)

    monkeypatch.setattr(trainer, "teaching_loss", broken)
    result = train([discs()], start=parent, settings=quick(50))
    assert len(result.history.losses) == 2
    assert "no number" in result.notes[0]
    assert result.verdict.sampling_units > 0


def test_nothing_is_kept_where_there_was_no_step(
    parent: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    for start in (parent, None):
        with pytest.raises(Cancelled, match="before the first step"):
            train([discs()], start=start, settings=quick(50), control=lambda: Control.STOP)
    monkeypatch.setattr(
        trainer, "teaching_loss", lambda scores, *given: scores.sum() * float("nan")
    )
    with pytest.raises(SettingsError, match="at the first step"):
        train([discs()], settings=quick(50))


def test_what_was_interrupted_is_resumed_to_the_same_bits(parent: Model, tmp_path: Path) -> None:
    image, truth = discs()
    whole = train([(image, truth)], start=parent, settings=quick(6, checkpoint_seconds=0))

    class CrashError(Exception):
        pass

    def crash(event: Any) -> None:
        if isinstance(event, StepDone) and event.step == 4:
            raise CrashError

    path = tmp_path / "run.checkpoint"
    with pytest.raises(CrashError):
        train(
            [(image, truth)],
            start=parent,
            settings=quick(6, checkpoint_seconds=0),
            checkpoint=path,
            on_event=crash,
        )
    again: TrainResult = train(
        [(image, truth)],
        start=parent,
        settings=quick(6, checkpoint_seconds=0),
        checkpoint=path,
        resume=True,
    )
    assert again.model.weights_sha256 == whole.model.weights_sha256
    other = truth.copy()
    other[:30] = 0
    with pytest.raises(CheckpointError, match="other data"):
        train(
            [(image, other)],
            start=parent,
            settings=quick(6, checkpoint_seconds=0),
            checkpoint=path,
            resume=True,
        )


def test_another_machine_goes_on_with_the_batch_and_the_patch_that_were_begun(
    parent: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = nu.TrainSettings(steps=3, warmup_steps=5, checkpoint_seconds=0)
    path = tmp_path / "run.checkpoint"
    monkeypatch.setattr("napari_unet.learn.setup.choose_network.ram_total_bytes", lambda: 2**25)
    whole = train([discs()], start=parent, settings=settings, checkpoint=path)
    monkeypatch.setattr("napari_unet.learn.setup.choose_network.ram_total_bytes", lambda: 2**40)
    on = train([discs()], start=parent, settings=settings, checkpoint=path, resume=True)
    assert on.settings.batch == whole.settings.batch == 1
    assert on.model.weights_sha256 == whole.model.weights_sha256


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.zeros((50, 50), np.uint8), "shape"),
        (np.zeros((112, 112), np.float32), "whole numbers"),
        (np.zeros((112, 112), np.uint8), "one class"),
        (np.full((112, 112), 7, np.uint8), "up to 7"),
    ],
)
def test_what_can_not_be_learnt_from_is_refused(
    parent: Model, labels: np.ndarray, match: str
) -> None:
    with pytest.raises(ScanError, match=match):
        train([(discs()[0], labels)], start=parent, settings=quick())


def with_band(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Discs on a camera's offset, moved by 12 pixels, so that a band holds no image."""
    image, truth = discs(seed)
    moved = np.concatenate([np.zeros((112, 12)), image[:, :-12] + 300], axis=1)
    return moved.astype(np.float32), np.roll(truth, 12, axis=1)


@pytest.mark.parametrize("left_out", [True, False])
def test_labels_where_there_is_no_image_neither_teach_nor_judge(
    parent: Model, left_out: bool
) -> None:
    image, truth = with_band(0)
    altered = truth.copy()
    altered[:, :11] = 1 - altered[:, :11]
    settings = quick(held_out_turn=0, empty_borders=left_out, guard_outputs=0)
    first, second = (
        train([(image, labels)], start=parent, settings=settings) for labels in (truth, altered)
    )
    same = first.model.weights_sha256 == second.model.weights_sha256
    assert same == left_out
    assert (first.verdict == second.verdict) == left_out
    training = first.model.spec.provenance.training
    assert training["settings"]["empty_borders"] == left_out
    reviewed = truth.size - (11 * 112 if left_out else 0)
    assert training["corrections"]["reviewed_voxels"] == reviewed


def test_what_the_user_should_know_of_scans_is_in_the_result() -> None:
    parent = tiny_model(tiny_spec(depth=1, spacing=(0.5, 0.5)))
    image, truth = with_band(0)
    first = Scan(image, "yx", (1.0, 1.0), notes=("Its description is damaged.",))
    second = TrainItem(scan_of(discs(1)[0], spacing=(0.5, 0.5)), discs(1)[1], notes=("mask read",))
    result = train([(first, truth), second], start=parent, settings=quick())
    assert result.notes[:4] == (
        "Image 1: Its description is damaged.",
        "Image 1: Its pixel size is unknown, and was taken to be the model's, 0.5 µm.",
        "Image 1: 10.7% has the value 0 and counts as no image: it is background, and no part of "
        "the contrast. Labels where there is no image were not used. The setting empty_borders "
        "makes such borders part of the image.",
        "mask read",
    )


def test_borders_are_left_out_unless_the_settings_say_otherwise(parent: Model) -> None:
    result = train([with_band(0)], start=parent, settings=quick())
    assert result.settings.empty_borders


def test_nothing_trusted_and_images_that_do_not_fit_are_refused(parent: Model) -> None:
    image, truth = discs()
    with pytest.raises(ScanError, match="Nothing is trusted"):
        train([(image, truth, np.zeros(truth.shape, np.uint8))], start=parent, settings=quick())
    with pytest.raises(ScanError, match="the image has 2"):
        train(
            [(Scan(np.stack([image, image]), "cyx", (1.0, 1.0)), truth)],
            start=parent,
            settings=quick(),
        )
    with pytest.raises(SettingsError, match="minutes or steps"):
        train([(image, truth)], start=parent, minutes=1, steps=1)
    with pytest.raises(SettingsError, match="pairs"):
        train([(image,)], start=parent)
    with pytest.raises(SettingsError, match=r"^minutes: .* greater than 0; got minutes=-1"):
        train([(image, truth)], start=parent, minutes=-1)
    objects = truth * (np.arange(truth.size).reshape(truth.shape) // 300).astype(np.uint16)
    with pytest.raises(ScanError, match="each object had a number"):
        train([(image, objects)], settings=quick())
    spoilt = image.copy()
    spoilt[:90] = np.nan
    with pytest.raises(ScanError, match="NaN"):
        train([(spoilt, truth)], start=parent, settings=quick())


def test_the_public_name_is_the_function() -> None:
    assert nu.train is train


def test_of_the_head_alone_nothing_else_changes(parent: Model) -> None:
    result = nu.fit_head([discs(0, 64)], start=parent, settings=quick(9))
    now = result.model.network.state_dict()
    before = parent.network.state_dict()
    changed = {name for name, value in before.items() if not torch.equal(now[name], value)}
    assert changed == {"head.weight", "head.bias"}
    assert result.history.losses == ()
    assert result.model.spec.architecture.head_levels == "every"


def test_the_head_alone_of_an_empty_network_is_refused() -> None:
    with pytest.raises(SettingsError, match="that has seen images"):
        train([discs(0, 64)], settings=quick(1, head_only=True))


def test_a_fine_tune_begins_with_a_fitted_head_unless_the_old_model_is_to_be_kept(
    parent: Model,
) -> None:
    image, truth = discs(0, 64)
    still = quick(1, learning_rate=1e-9, average=0.0)
    fitted, kept = (
        train(
            [(image, truth)],
            start=parent,
            settings=still.model_copy(update={"keep_what_it_knew": keep}),
        ).model
        for keep in (False, True)
    )
    scores = [overlap(nu.segment(image, model), truth, 1).dice for model in (fitted, kept, parent)]
    assert scores[0] > scores[1] + 0.2
    assert scores[1] == pytest.approx(scores[2], abs=0.02)


@pytest.mark.parametrize("resume", [False, True])
def test_two_trainings_do_not_write_one_checkpoint(
    parent: Model, tmp_path: Path, resume: bool
) -> None:
    checkpoint = tmp_path / "run.checkpoint"
    options: dict[str, Any] = {"start": parent, "settings": quick(1), "checkpoint": checkpoint}
    with only_writer(checkpoint), pytest.raises(BusyError, match="written by another run"):
        train([discs(0, 64)], resume=resume, **options)
    train([discs(0, 64)], **options)

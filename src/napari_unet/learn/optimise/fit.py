"""The training loop: one step after the other until the budget is over, and the mean of the weights
as the result.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_unet.errors import Cancelled, SettingsError
from napari_unet.learn.data.corrections import IGNORE
from napari_unet.learn.data.example import Example
from napari_unet.learn.head.fitted_head import fitted_head
from napari_unet.learn.optimise.budget import Budget, Ended, WorkClock
from napari_unet.learn.optimise.checkpoint import Checkpoints, hashes_of
from napari_unet.learn.optimise.trainer import NotFinite, Trainer
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.unet import UNet
from napari_unet.model.weights import build_model
from napari_unet.progress import (
    GetControl,
    OnProgress,
    Progress,
    Stopped,
    always_continue,
    heed,
    ignore,
)

SENTENCES: dict[Ended, str] = {
    "done": "",
    "stopped": "Stopped after {steps} steps; what was learnt until then is kept.",
    "plateau": "Ended after {steps} steps, since it did not improve any more.",
    "nan": "The loss was no number any more at step {next}; the weights before it are kept. "
    "Try a lower learning rate.",
}


@dataclass(frozen=True)
class FitStep:
    """A step that was just done: how many of how many (a guess until it is planned), its loss, and
    the network to use.
    """

    done: int
    total: int
    loss: float
    averaged: UNet


@dataclass(frozen=True)
class FitRun:
    """What one run has besides the settings: when its steps must be over (`ends_at`, a time of
    `clock`), and its checkpoint, from which it is resumed where `resume` is set.
    """

    ends_at: float | None = None
    checkpoint: Path | None = None
    resume: bool = False
    clock: Callable[[], float] = time.monotonic


@dataclass(frozen=True)
class Fit:
    """What came of a training: the model, its steps, the loss of each, how it ended, and how to do
    the same again.
    """

    model: Model
    steps: int
    losses: list[float]
    ended: Ended
    settings: TrainSettings
    paused_s: float
    trouble: str = ""  # why there is no newer checkpoint

    @property
    def sentence(self) -> str:
        """What a user should know of the ending; empty where all went as planned."""
        ending = SENTENCES[self.ended].format(steps=self.steps, next=self.steps + 1)
        return " ".join(part for part in (ending, self.trouble) if part)


OnStep = Callable[[FitStep], None]


def fit(
    examples: Sequence[Example],
    spec: ModelSpec,
    settings: TrainSettings,
    *,
    start: UNet | None = None,
    run: FitRun | None = None,
    on_step: OnStep | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> Fit:
    """Train a network of `spec` on examples; `start` is copied and fine-tuned, else weights are
    drawn from the seed. Of a network to fine-tune, the head is fitted first (`learn/head`), unless
    the settings say otherwise.

    It ends in time for `minutes` and `run.ends_at`, or after `steps`; with neither it ends when its
    loss stops falling. `control` is heeded inside a step too: STOP keeps the averaged weights,
    CANCEL raises `Cancelled`, and the time of a PAUSE does not count. `Fit.settings` repeats the
    training to the same bits. Raises `SettingsError` without examples, `CheckpointError` for a
    checkpoint that is not there, damaged, or of another training.
    """
    _check(examples, spec, start)
    run = run or FitRun()
    settings = settings.chosen_for(fine_tuning=start is not None)
    clock = WorkClock(run.clock)
    budget = Budget(settings, run.ends_at, clock)
    trainer = Trainer(examples, spec, settings, start, control := clock.watching(control))
    checkpoints = Checkpoints(
        run.checkpoint,
        settings.checkpoint_seconds,
        lambda: hashes_of(examples, trainer, start),
        run.clock,
    )
    if run.resume:
        checkpoints.restore(trainer, budget)
    try:
        _fit_head(trainer, examples, run.resume, control)
        budget.begin()
        while not (settings.head_only or budget.over()):
            heed(control)
            trainer.threads.set_for(budget.done)
            loss = trainer.step(budget.rate(), budget.done)
            budget.count(loss)
            trainer.threads.count(budget.last_step_s)
            on_progress(_progress(budget, checkpoints))
            if on_step is not None:
                on_step(FitStep(budget.done, budget.expected(), loss, trainer.averaged))
            checkpoints.write_when_due(trainer, budget)
        ended: Ended = "plateau" if budget.levelled else "done"
    except Stopped:
        ended = "stopped"
    except NotFinite:
        ended = "nan"
    except Cancelled:
        checkpoints.remove_own()
        raise
    finally:
        trainer.threads.restore()
    if ended != "nan":
        checkpoints.write_if_none(trainer, budget)
    replay = budget.replay() | trainer.threads.replay() | {"precision": trainer.precision}
    used = settings.model_copy(update=replay)
    model = build_model(spec, trainer.averaged.to("cpu"))
    return Fit(model, budget.done, budget.losses, ended, used, clock.paused_s, checkpoints.trouble)


def _fit_head(
    trainer: Trainer, examples: Sequence[Example], resumed: bool, control: GetControl
) -> None:
    """Begin with a fitted head, where the settings want it; a resumed training has one already."""
    settings = trainer.settings
    if settings.head_only or (settings.fit_head and not resumed):
        own = [example for example in examples if (example.labels != IGNORE).any()]
        trainer.begin_with(fitted_head(trainer.averaged, own, control=control).network)


def _progress(budget: Budget, checkpoints: Checkpoints) -> Progress:
    total = budget.expected()
    return Progress(budget.done, total, "steps", budget.seconds_left(), checkpoints.trouble)


def _check(examples: Sequence[Example], spec: ModelSpec, start: UNet | None) -> None:
    if not examples:
        raise SettingsError("There is nothing to learn from: no labelled image was given.")
    if start is not None and start.config.identity != spec.architecture.identity:
        raise SettingsError(
            f"The network to start from is a {start.config.identity}, "
            f"but the model to be is a {spec.architecture.identity}."
        )

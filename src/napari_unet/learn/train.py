"""Train a model on labelled scans, and have it judged against the one it came from."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from napari_unet.devices import choose
from napari_unet.errors import Cancelled, SettingsError
from napari_unet.files.only_writer import only_writer_where_possible
from napari_unet.learn.data.boxes import voxels_of
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.halo import HaloMeasurement
from napari_unet.learn.judging.comparison import Comparison, plan_comparison
from napari_unet.learn.judging.region_labels import labels_in_regions
from napari_unet.learn.judging.regions import ComparedRegion, changed_regions
from napari_unet.learn.monitor import (
    Event,
    HeldOutScore,
    Monitor,
    OnEvent,
    Preview,
    PreviewFailed,
    StepDone,
    no_event,
)
from napari_unet.learn.optimise.fit import Fit, FitRun, fit
from napari_unet.learn.result import History, TrainResult, with_provenance
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.complete_settings import (
    completed_settings,
    settings_with,
    with_patches_of_checkpoint,
)
from napari_unet.learn.setup.notes import notes_of_items
from napari_unet.learn.setup.orientation import sentence_of
from napari_unet.learn.setup.prepare import ChildOptions, GivenItem, Prepared, prepare
from napari_unet.learn.setup.training_examples import training_examples
from napari_unet.model.model import Model
from napari_unet.model.torch_import import find_devices
from napari_unet.model.unet import UNet
from napari_unet.progress import (
    GetControl,
    OnProgress,
    Progress,
    always_continue,
    ignore,
    without_stop,
)

__all__ = [
    "HeldOutScore",
    "PreviewFailed",
    "StepDone",
    "TrainItem",
    "TrainResult",
    "fit_head",
    "train",
]

NOTHING_SEEN = (
    "The head alone can be fitted to a model that has seen images, not to an empty one. "
    "Name the model to start from, or train all of it."
)
SLACK = 1.25  # how much longer the judgement may take than running the parent took
SAVING_S = 0.7  # left to the caller, who saves the model within the minutes too


class TrainKeywords(TypedDict, total=False):
    """What `train` takes by keyword besides; see there."""

    name: str | None
    classes: Sequence[str] | None
    checkpoint: Path | None
    resume: bool
    on_event: OnEvent
    preview: Preview | None


def train(
    items: Sequence[GivenItem],
    *,
    start: Model | str | Path | None = None,
    settings: TrainSettings | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
    **keywords: Unpack[TrainKeywords],
) -> TrainResult:
    """Train a model on labelled scans, and compare it with the one it came from.

    Parameters
    ----------
    items : sequence of (image, labels), (image, labels, trust) or `TrainItem`
        Images as for `segment` (arrays, or a `Scan` with axes and spacing); labels and trust of the
        image's shape without channels. Trust is 0 where a label is not to be believed, 1 where it
        was painted, 2 where it was reviewed; without it all labels count as reviewed.
    start : Model, name or path, optional
        The model to fine-tune; without one (or "scratch"), a network is chosen for the data and
        trained from nothing.
    settings : TrainSettings, optional
        How to train; what is not given is chosen by the task.
    minutes, steps : optional
        What ends it, in place of the settings' own; with neither it ends when it stops
        improving. `minutes` is wall time from the call to the result, the verdict and the saving of
        a file after it included.
    on_progress, control : callables, optional
        Given a `Progress` after each step; called for what the user wants: STOP ends the training,
        whose model is kept and judged, CANCEL raises.
    name, classes : str and sequence of str, optional
        Of the new model. More classes than the parent's widen its head.
    checkpoint, resume : path and bool, optional
        A file written now and then, from which an interrupted training is resumed to the same bits.
    on_event, preview : callables, optional
        Given `StepDone`, `HeldOutScore` and `PreviewFailed`; given the model as it is by now, and
        the step, every few seconds. What `preview` raises ends the previews, not the training.

    Returns
    -------
    TrainResult
        `model`, `verdict`, `history`, `settings` to repeat it, `best` of the two models, `changes`
        between them.

    Raises
    ------
    ScanError, SettingsError, ModelFileError, DeviceError, CheckpointError, BusyError
        With one sentence, before anything is trained, for what can not be learnt from, and where
        another training writes the same checkpoint.
    Cancelled
        `control` answered CANCEL.

    Notes
    -----
    Some of what was reviewed is held out and judges (see `learn/judging/held_out.py` and
    `learn/judging/verdict.py`); what was judged is what is returned, without another training on
    everything. Of a model of volumes, the halo is measured in the end (`learn/halo.py`), where the
    time and the scans suffice. The next round, or the next `held_out_turn`, holds out another part.
    """
    began = time.monotonic()
    with only_writer_where_possible(keywords.get("checkpoint")):
        chosen = settings_with(settings, minutes, steps)
        on_progress(Progress(0, chosen.steps or chosen.most_steps, "steps", note="Preparing"))
        device = choose(chosen.device, find_devices())
        options = ChildOptions(
            device,
            keywords.get("name"),
            keywords.get("classes"),
            chosen.held_out_turn,
            chosen.empty_borders,
        )
        prepared = prepare(items, start, options, control)
        if keywords.get("resume", False):
            chosen = with_patches_of_checkpoint(chosen, keywords.get("checkpoint"))
        chosen = completed_settings(chosen, prepared, device)
        if chosen.head_only and prepared.parent is None:
            raise SettingsError(NOTHING_SEEN)
        return _Training(prepared, chosen, began, on_progress, control, keywords).run()


def fit_head(
    items: Sequence[GivenItem],
    *,
    start: Model | str | Path,
    settings: TrainSettings | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
    **keywords: Unpack[TrainKeywords],
) -> TrainResult:
    """Fit the head of a model to labelled scans, in seconds, and compare the two: `train` with
    `head_only`, whose parameters and errors it has.

    Nothing else of the model changes. The head is on every level of the network afterwards; its
    weights are the solution of a logistic regression (`learn/head`).
    """
    settings = (settings or TrainSettings()).model_copy(update={"head_only": True})
    options: dict[str, Any] = {"on_progress": on_progress, "control": control, **keywords}
    return train(items, start=start, settings=settings, **options)


def _learnt(found: Fit) -> Fit:
    """What came of the steps; raises where there was none, since random weights are no model."""
    if found.steps or (found.settings.head_only and found.ended == "done"):
        return found
    if found.ended == "nan":
        raise SettingsError(
            "The loss was no number at the first step, so nothing was learnt. "
            "Try a lower learning rate, and check the image."
        )
    raise Cancelled("Stopped before the first step; nothing was learnt, and nothing is kept.")


@dataclass
class _Training:
    """One training from its preparation to its verdict."""

    prepared: Prepared
    settings: TrainSettings
    began: float
    on_progress: OnProgress
    control: GetControl
    keywords: TrainKeywords
    scores: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    trouble: str = ""

    def run(self) -> TrainResult:
        """Run the parent where it is judged, train, run the child there, judge."""
        origin = self.prepared.parent
        spec = self.prepared.spec
        comparison = plan_comparison(
            self.prepared.items,
            self.prepared.held,
            [each.name for each in spec.classes],
            spec.architecture.dimensions,
            with_parent=origin is not None,
        )
        since = time.monotonic()
        parent = None if origin is None else self._segment(origin, comparison.regions)
        compare_s = time.monotonic() - since if parent is not None else self._timed(comparison)
        halo = HaloMeasurement(spec, self.settings, self.control)
        halo.plan([item.scan for item in self.prepared.items])
        found = _learnt(self._fit(comparison, compare_s, halo.seconds))
        self._report(found.steps, "Judging")
        child = self._segment(found.model, comparison.regions)
        verdict = comparison.verdict(child, parent)
        model = with_provenance(found, self.prepared, verdict)
        if halo.planned:
            self._report(found.steps, "Measuring the context of tiles")
        return TrainResult(
            halo.measured(model),
            verdict,
            History(tuple(found.losses), tuple(self.scores), time.monotonic() - self.began),
            found.settings,
            origin,
            () if parent is None else changed_regions(comparison.regions, parent, child),
            self._notes(found, halo),
        )

    def _report(self, steps: int, note: str) -> None:
        self.on_progress(Progress(steps, steps, "steps", note=note))

    def _notes(self, found: Fit, halo: HaloMeasurement) -> tuple[str, ...]:
        origin = self.prepared.parent
        of_file = () if origin is None else origin.notes
        alike = sentence_of(found.settings, self.prepared.spec.axes)
        of_items = notes_of_items(self.prepared.items, self.prepared.normalised, self.prepared.spec)
        notes = (*of_file, *of_items, found.sentence, self.trouble, halo.trouble, alike)
        return tuple(note for note in notes if note)

    def _segment(self, model: Model, regions: Sequence[ComparedRegion]) -> list[np.ndarray]:
        scans = self.prepared.normalised
        return labels_in_regions(model, scans, regions, self.settings.device, self.control)

    def _timed(self, comparison: Comparison) -> float:
        """Seconds that running the child will take, from one region with a network of random
        weights.
        """
        if not comparison.regions:
            return 0.0
        architecture = self.prepared.spec.architecture
        fresh = Model(self.prepared.spec, UNet(architecture).eval(), "")
        first = comparison.regions[0]
        since = time.monotonic()
        self._segment(fresh, [first])
        return (time.monotonic() - since) * comparison.voxels / voxels_of(first.slices)

    def _fit(self, comparison: Comparison, compare_s: float, halo_s: float) -> Fit:
        control = without_stop(self.control)  # without examples nothing is learnt that STOP keeps
        examples = training_examples(self.prepared, self.settings, control)
        monitor = Monitor(
            self.prepared,
            self._segment,
            compare_s / max(1, comparison.voxels),
            self._on_event,
            self.keywords.get("preview"),
        )
        start = None if self.prepared.start is None else self.prepared.start.network
        monitor.score_start(start)
        return fit(
            examples,
            self.prepared.spec,
            self.settings,
            start=start,
            run=self._fit_run(compare_s + halo_s),
            on_step=monitor.on_step,
            on_progress=self.on_progress,
            control=self.control,
        )

    def _fit_run(self, after_s: float) -> FitRun:
        """When the steps have to be over, so that what comes `after` them ends in time."""
        ends_at = None
        if self.settings.minutes is not None:
            ends_at = self.began + 60 * self.settings.minutes - SLACK * after_s - SAVING_S
        return FitRun(ends_at, self.keywords.get("checkpoint"), self.keywords.get("resume", False))

    def _on_event(self, event: Event) -> None:
        """Keep what the result has of an event, and pass it on."""
        if isinstance(event, HeldOutScore):
            self.scores.append((event.step, event.dice))
        if isinstance(event, PreviewFailed):
            self.trouble = event.sentence
            total = self.settings.steps or self.settings.most_steps
            self.on_progress(Progress(event.step, total, "steps", note=self.trouble))
        self.keywords.get("on_event", no_event)(event)

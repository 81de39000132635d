"""Train a model on labelled scans, and have it judged against the one it came from."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypedDict, TypeVar, Unpack

import numpy as np

from napari_unet.devices import choose
from napari_unet.errors import Cancelled, NapariUNetError, SettingsError
from napari_unet.learn.data.example import Example, examples_of
from napari_unet.learn.data.item import TrainItem
from napari_unet.learn.forgetting.drawn_images import pictures, telling
from napari_unet.learn.forgetting.parent_targets import extent_for, with_priors
from napari_unet.learn.forgetting.seen_images import with_needed_guard
from napari_unet.learn.halo import Place, measured_halo, places_of, seconds_for, with_halo
from napari_unet.learn.judging.regions import (
    Look,
    changes,
    counts_of,
    labels_of,
    looks_at,
    shares,
    taught_of,
    voxels_of,
    without_stop,
)
from napari_unet.learn.judging.sampling_units import Judged
from napari_unet.learn.judging.verdict import Verdict, judge, with_changes
from napari_unet.learn.monitor import (
    Event,
    HeldOutScore,
    OnEvent,
    Preview,
    PreviewFailed,
    StepDone,
    Watch,
    no_event,
)
from napari_unet.learn.optimise.fit import Fit, FitRun, FitStep, fit
from napari_unet.learn.result import History, TrainResult, trusted_voxels, with_provenance
from napari_unet.learn.settings import TrainSettings
from napari_unet.learn.setup.fingerprint import with_patches
from napari_unet.learn.setup.orientation import sentence_of, with_orientation
from napari_unet.learn.setup.prepare import (
    Given,
    Prepared,
    Wanted,
    as_begun,
    prepare,
    settings_with,
)
from napari_unet.model.model import Model
from napari_unet.model.torch_import import find_devices
from napari_unet.model.unet import UNet
from napari_unet.progress import GetControl, OnProgress, Progress, always_continue, ignore
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.torch_engine import TorchEngine

__all__ = ["HeldOutScore", "PreviewFailed", "StepDone", "TrainItem", "TrainResult", "train"]

SLACK = 1.25  # how much longer the judgement may take than it took to look at the parent
SAVING_S = 0.7
HALO_SHARE = (
    0.1  # of the time, at most, to measure the halo; a training that is shorter leaves it exact
)
MOST_HALO_S = 60.0  # where there is no such time
T = TypeVar("T")


class TrainOptions(TypedDict, total=False):
    """What `train` takes by keyword besides; see there."""

    name: str | None
    classes: Sequence[str] | None
    checkpoint: Path | None
    resume: bool
    on_event: OnEvent
    preview: Preview | None


def train(
    items: Sequence[Given],
    *,
    start: Model | str | Path | None = None,
    settings: TrainSettings | None = None,
    minutes: float | None = None,
    steps: int | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
    **options: Unpack[TrainOptions],
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
        What ends it, in place of the settings' own; with neither it goes on until it stops
        improving. `minutes` is wall time from the call to the result, the verdict and the saving of
        a file after it included.
    on_progress, control : callables, optional
        Told after each step; asked what the user wants: STOP keeps and judges what was learnt,
        CANCEL raises.
    name, classes : str and sequence of str, optional
        Of the new model. More classes than the parent's widen its head.
    checkpoint, resume : path and bool, optional
        A file written now and then, from which an interrupted training goes on to the same bits.
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
    ScanError, SettingsError, ModelFileError, DeviceError, CheckpointError
        With one sentence, before anything is trained, for what can not be learnt from.
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
    chosen = settings_with(settings, minutes, steps)
    on_progress(Progress(0, chosen.steps or chosen.most_steps, "steps", note="Preparing"))
    device = choose(chosen.device, find_devices())
    prepared = prepare(
        items,
        start,
        Wanted(device, options.get("name"), options.get("classes"), chosen.held_out_turn),
    )
    chosen = chosen.model_copy(update={"held_out_turn": prepared.turn})
    if options.get("resume", False):
        chosen = as_begun(chosen, options.get("checkpoint"))
    chosen = with_patches(chosen, prepared.items, prepared.spec, device)
    training = {} if prepared.parent is None else prepared.parent.spec.provenance.training
    chosen = with_orientation(
        chosen, prepared.items, prepared.spec.architecture.dimensions, training
    )
    chosen = with_needed_guard(chosen, prepared.items, trusted_voxels(prepared.items), training)
    return _Training(prepared, chosen, began, on_progress, control, options).run()


def _learnt(found: Fit) -> Fit:
    """What came of the steps; raises where there was none, since weights that were drawn by lot are
    no model.
    """
    if found.steps:
        return found
    if found.ended == "nan":
        raise SettingsError(
            "The loss was no number at the first step, so nothing was learnt. Try a lower learning rate, and check the image."
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
    options: TrainOptions
    scores: list[tuple[int, dict[str, float]]] = field(default_factory=list)
    trouble: str = ""
    taught: Judged = field(default_factory=Judged)
    halo_places: list[Place] = field(default_factory=list)
    halo_s: float = 0.0

    def run(self) -> TrainResult:
        """Look at the parent, train, look at the child, judge."""
        tuned = self.prepared.parent is not None
        held = self.prepared.held
        self.taught = (
            taught_of(self.prepared.items, held, self._dimensions)
            if tuned and held.judged.units
            else Judged()
        )
        looks = looks_at(
            self.prepared.items, held.judged.pieces + self.taught.pieces, self._dimensions, tuned
        )
        since = time.monotonic()
        parent = (
            self._labels(self.prepared.parent, looks) if self.prepared.parent is not None else None
        )
        look_s = time.monotonic() - since if parent is not None else self._timed(looks)
        self._see_to_halo()
        found = _learnt(self._fit(self._examples(), looks, look_s))
        self.on_progress(Progress(found.steps, found.steps, "steps", note="Judging"))
        child = self._labels(found.model, looks)
        verdict = self._verdict(looks, parent, child)
        model = self._with_halo(with_provenance(found, self.prepared, verdict), found.steps)
        differences = () if parent is None else changes(looks, parent, child)
        history = History(tuple(found.losses), tuple(self.scores), time.monotonic() - self.began)
        alike = sentence_of(found.settings, self.prepared.spec.axes)
        origin = self.prepared.parent
        of_file = () if origin is None else origin.notes
        notes = tuple(note for note in (*of_file, found.sentence, self.trouble, alike) if note)
        return TrainResult(model, verdict, history, found.settings, origin, differences, notes)

    @property
    def _dimensions(self) -> int:
        return self.prepared.spec.architecture.dimensions

    def _labels(self, model: Model, looks: Sequence[Look]) -> list[np.ndarray]:
        return labels_of(model, self.prepared.items, looks, self.settings.device, self.control)

    def _see_to_halo(self) -> None:
        """Find where the halo can be measured in the end, and how long that will take; nowhere, if
        it takes too long.
        """
        spec = self.prepared.spec
        minutes = self.settings.minutes
        if not (places := places_of(spec, [item.scan for item in self.prepared.items])):
            return
        fresh = Model(spec, UNet(spec.architecture).eval(), "")
        seconds = self._measured(
            lambda: seconds_for(fresh, self._engine(fresh), places, self.control)
        )
        if seconds is not None and seconds <= (
            MOST_HALO_S if minutes is None else HALO_SHARE * 60 * minutes
        ):
            self.halo_places = places
            self.halo_s = seconds

    def _with_halo(self, model: Model, steps: int) -> Model:
        """The model with the halo that is measured for it, where one is."""
        if not (places := self.halo_places):
            return model
        self.on_progress(Progress(steps, steps, "steps", note="Measuring the context of tiles"))
        halo = self._measured(
            lambda: measured_halo(model, self._engine(model), places, self.control)
        )
        return Model(with_halo(model.spec, halo), model.network, model.weights_sha256)

    def _measured(self, measure: Callable[[], T]) -> T | None:
        """What is measured of the halo; where that fails, the training is none the worse, and the
        notes say it.
        """
        try:
            return measure()
        except Cancelled:
            raise
        except (NapariUNetError, RuntimeError, MemoryError, OSError) as error:
            self.trouble = f"{self.trouble} The context of tiles could not be measured, and stays exact: {error}".strip()
            return None

    def _engine(self, model: Model) -> TorchEngine:
        return TorchEngine(model.network, choose_device(self.settings.device))

    def _timed(self, looks: Sequence[Look]) -> float:
        """Seconds that looking will take, from one look with a network that knows nothing yet."""
        if not looks:
            return 0.0
        fresh = Model(self.prepared.spec, UNet(self.prepared.spec.architecture).eval(), "")
        since = time.monotonic()
        self._labels(fresh, looks[:1])
        return (
            (time.monotonic() - since)
            * sum(voxels_of(look.region) for look in looks)
            / voxels_of(looks[0].region)
        )

    def _examples(self) -> list[Example]:
        """What teaches: trusted voxels that are neither held out nor in a band, with the parent's
        word where a guard wants it.
        """
        settings = self.settings.chosen_for(fine_tuning=True)
        spec = self.prepared.spec
        held = self.prepared.held
        guard = self.prepared.start if settings.guard_outputs else None
        held_to = settings.guard_untrusted if guard is not None else 0.0
        extent = extent_for(
            self.settings, self.prepared.items, self._dimensions, guarded=bool(held_to)
        )
        found = [
            example
            for n, item in enumerate(self.prepared.items)
            for example in examples_of(
                item.scan, item.labels, spec, item.trust, walls=held.walls_of(n), extent=extent
            )
        ]
        if guard is None:
            return found
        device = settings.device
        control = without_stop(self.control)
        count = settings.guard_pictures or 0
        drawn = with_priors(pictures(spec, count, settings.seed), guard, device, control)
        if held_to:
            own = [
                replace(each, guard=held_to) for each in with_priors(found, guard, device, control)
            ]
        else:
            own = [replace(each, prior=None) for each in found]
        return own + telling(drawn, count)

    def _fit(self, examples: Sequence[Example], looks: Sequence[Look], look_s: float) -> Fit:
        voxels = sum(voxels_of(look.region) for look in looks)
        watch = Watch(
            self.prepared.spec,
            self.prepared.items,
            self.prepared.held.judged,
            self.settings.device,
            look_s / max(1, voxels),
        )
        preview = self.options.get("preview")

        def on_step(step: FitStep) -> None:
            watch.look(step, self._told, preview, self.control)

        minutes = self.settings.minutes
        ends_at = (
            None
            if minutes is None
            else self.began + 60 * minutes - SLACK * (look_s + self.halo_s) - SAVING_S
        )
        run = FitRun(ends_at, self.options.get("checkpoint"), self.options.get("resume", False))
        start = None if self.prepared.start is None else self.prepared.start.network
        watch.begin(start, self._told, self.control)
        return fit(
            examples,
            self.prepared.spec,
            self.settings,
            start=start,
            run=run,
            on_step=on_step,
            on_progress=self.on_progress,
            control=self.control,
        )

    def _told(self, event: Event) -> None:
        """Keep what is to be kept of an event, and pass it on."""
        if isinstance(event, HeldOutScore):
            self.scores.append((event.step, event.dice))
        if isinstance(event, PreviewFailed):
            self.trouble = event.sentence
            self.on_progress(
                Progress(
                    event.step,
                    self.settings.steps or self.settings.most_steps,
                    "steps",
                    note=self.trouble,
                )
            )
        self.options.get("on_event", no_event)(event)

    def _verdict(
        self,
        looks: Sequence[Look],
        parent: Sequence[np.ndarray] | None,
        child: Sequence[np.ndarray],
    ) -> Verdict:
        items = self.prepared.items
        judged = self.prepared.held.judged
        spec = self.prepared.spec
        new = counts_of(items, judged, looks, child, len(spec.classes))
        old = None if parent is None else counts_of(items, judged, looks, parent, len(spec.classes))
        names = [each.name for each in spec.classes]
        if parent is None:
            return judge(new, old, names, judged.kind)
        both = tuple(
            counts_of(items, self.taught, looks, labels, len(names)) for labels in (child, parent)
        )
        verdict = judge(
            new, old, names, judged.kind, (both[0], both[1]) if self.taught.units else None
        )
        corrected, changed = shares(items, looks, parent, child)
        return with_changes(verdict, corrected, changed)

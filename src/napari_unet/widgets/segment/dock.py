"""The Segment dock: holds the leaf widgets and connects them to one run at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtWidgets import QWidget

from napari_unet.progress import Progress
from napari_unet.segment.engine.speed_cache import PROBE_VOXELS
from napari_unet.segment.tasks.registry import default_threshold
from napari_unet.widgets.docks.fit_probe import FitQuestion
from napari_unet.widgets.docks.run import RunEnd
from napari_unet.widgets.docks.run_dock import RunDock
from napari_unet.widgets.fields.values import InputChoice
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.form import SegmentForm
from napari_unet.widgets.segment.model_probe import ModelProbe
from napari_unet.widgets.segment.plan import SegmentPlan
from napari_unet.widgets.segment.remembered import choices_of, show_choices
from napari_unet.widgets.segment.run import SegmentRun
from napari_unet.widgets.segment.threshold import LastResult
from napari_unet.widgets.viewer.layer_facts import real_viewer
from napari_unet.widgets.viewer.layer_watch import LayerWatch
from napari_unet.widgets.viewer.preferences import remember, remembered

PAINT_NOTE = "can be painted on when it has ended"


class SegmentWidget(RunDock[SegmentRun]):
    """What the menu opens; `run_ended` tells scripts and tests how a run went."""

    title = "Segment"
    form: SegmentForm

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(napari_viewer, SegmentForm(), parent)
        viewer = real_viewer(napari_viewer)
        self._watch = LayerWatch(viewer)
        self._plan = SegmentPlan(viewer, self._watch)
        self._last = LastResult(viewer)
        self._measuring = ModelProbe(self)
        self.connect_form()
        lost = show_choices(self.form, remembered(SegmentChoices))
        self._on_model_changed()
        self.form.image.set_layers(self._watch.facts())
        if lost:
            self.form.message.say(f"{lost} {self.form.message.text()}".strip(), "problem")
        self.start_probing()

    def segment(self, model: Path, image: InputChoice) -> None:
        """Segment these layers with this model, as if both were chosen and the button clicked."""
        self.reread_models()
        self.choose_model(str(model))
        self.form.image.set_value(image)
        self._begin(keep_in="")  # the file is that of another result

    def connect_form(self) -> None:
        """Connect the fields with each other and with the plan."""
        super().connect_form()
        form = self.form
        self._watch.changed.connect(form.image.set_layers)
        self._probe.found.connect(self._show_cost)
        self._measuring.found.connect(self._show_cost)
        form.image.value_changed.connect(self.show_readiness)
        form.model.value_changed.connect(self._on_model_changed)
        form.device.value_changed.connect(self._show_cost)
        form.options.value_changed.connect(self._show_cost)
        form.options.threshold_changed.connect(self._on_threshold_changed)
        form.bar.part_requested.connect(self._on_part_requested)

    def show_readiness(self) -> None:
        """Show at once whether there can be a run, and what is special about it."""
        if self._run is not None:
            return
        form = self.form
        image = form.image.value()
        form.options.offer("current_slice_only", len(image.axes.replace("c", "")) > 2)
        form.options.file.set_name(self._plan.file_name(image))
        readiness = self._plan.readiness(image, form.model.value())
        form.bar.set_ready(readiness.ready, readiness.text)
        form.message.say(readiness.text, "info" if readiness.ready else "problem")
        self._show_cost()
        self.show_fit()

    def fit_question(self) -> FitQuestion | None:
        """Whether the model fits the image."""
        entry = self.form.model.value()
        return self._plan.fit_question(self.form.image.value(), entry, self.form.choices())

    def make_run(self, **other: Any) -> SegmentRun | None:
        """The run that is chosen, but for `other` choices; None without a model."""
        form = self.form
        if (entry := form.model.value()) is None:
            return None
        choices = form.choices().model_copy(update=other)
        return self._plan.make_run(form.image.value(), entry, choices)

    def run_begins(self, run: SegmentRun) -> None:
        """Leave the processor to the run, and remember what was chosen for it."""
        self._measuring.stop()
        self._show_cost()
        remember(choices_of(self.form))

    def show_progress(self, progress: Progress) -> None:
        """Show how far the run is, and that painting has to wait for its end."""
        super().show_progress(replace(progress, note=progress.note or PAINT_NOTE))

    def show_end(self, run: SegmentRun, end: RunEnd) -> None:
        """Show how the run ended; let the threshold move its result."""
        super().show_end(run, end)
        has_labels = run.result is not None and run.result.labels is not None
        if has_labels and end.kind in ("done", "stopped"):
            self._last.take(run.result, run.model.header)
        if end.kind == "done":
            self._forget_file(run.file)

    def _begin(self, **other: Any) -> None:
        self.begin(lambda: self.make_run(**other))

    def _forget_file(self, complete: Path | None) -> None:
        """A file is complete, and the next result belongs into another; one that has been named
        meanwhile stays.
        """
        if complete is not None and self.form.choices().file == complete:
            self.form.options.file.set_value("")
            remember(choices_of(self.form))

    def _show_cost(self) -> None:
        """Show what a run would take, unless there is one already."""
        form = self.form
        if self._run is not None:
            form.show_cost("")
            return
        entry = form.model.value()
        device = form.device.taken()
        cost = self._plan.cost(form.image.value(), entry, device, form.choices())
        form.show_cost(cost.text)
        if cost.unmeasured is not None and entry is not None:
            settings = cost.unmeasured
            voxels = min(cost.voxels, PROBE_VOXELS)
            self._measuring.ask(
                entry.path, settings.device, settings.engine, settings.precision, voxels
            )

    def _on_model_changed(self) -> None:
        entry = self.form.model.value()
        spec = entry.header.spec if entry and entry.header else None
        own_threshold = default_threshold(spec) if spec is not None else None
        self.form.options.set_threshold_default(own_threshold)
        self.form.options.offer("halo", spec is not None and spec.halo is not None)
        self.form.image.set_model(spec)

    def _on_threshold_changed(self, threshold: float) -> None:
        entry = self.form.model.value()
        if entry is not None and self._run is None:
            self._last.set_threshold(threshold, entry.header)

    def _on_part_requested(self) -> None:
        self._begin(current_slice_only=True, region_in_view_only=True, keep_in="")

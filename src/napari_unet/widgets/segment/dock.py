"""The Segment dock: holds the leaf widgets and connects them to one run at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Any

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.errors import ModelFileError, NapariUNetError
from napari_unet.model.formats.safetensors_header import SUFFIX, read_header
from napari_unet.model.library import ModelEntry, list_models, model_entry, user_folder
from napari_unet.progress import Progress
from napari_unet.segment.engine.speed_cache import PROBE_VOXELS
from napari_unet.widgets.fields.dock import Dock
from napari_unet.widgets.fields.model_news import model_news
from napari_unet.widgets.fields.values import InputChoice, Options
from napari_unet.widgets.jobs.device_probe import DeviceProbe
from napari_unet.widgets.jobs.job import in_background
from napari_unet.widgets.painting.commands import bind_keys
from napari_unet.widgets.segment.form import SegmentForm
from napari_unet.widgets.segment.model_probe import ModelProbe
from napari_unet.widgets.segment.plan import SegmentPlan, place_of
from napari_unet.widgets.segment.remembered import choices_of, show_choices
from napari_unet.widgets.segment.run import RunEnd, SegmentRun
from napari_unet.widgets.segment.threshold import LastResult
from napari_unet.widgets.viewer.class_colours import warm_up
from napari_unet.widgets.viewer.layer_facts import real_viewer
from napari_unet.widgets.viewer.layer_watch import LayerWatch
from napari_unet.widgets.viewer.preferences import remember, remembered

WARM_UP_MS = 300
PAINT_NOTE = "can be painted on when it has ended"
KINDS = {"done": "done", "stopped": "info", "cancelled": "info", "failed": "error"}


class SegmentWidget(Dock):
    """What the menu opens; `run_ended` tells scripts and tests how a run went."""

    title = "Segment"

    run_ended = Signal(object)

    def __init__(self, napari_viewer: Any, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.form = SegmentForm(self)
        self.hold(self.form)
        viewer = real_viewer(napari_viewer)
        bind_keys(viewer)
        self._watch = LayerWatch(viewer)
        self._plan = SegmentPlan(viewer, self._watch)
        self._last = LastResult(viewer)
        self._run: SegmentRun | None = None
        self._probe = DeviceProbe(self)
        self._measuring = ModelProbe(self)
        self._connect()
        lost = show_choices(self.form, remembered())
        self._on_model_changed()
        self.form.image.set_layers(self._watch.facts())
        if lost:
            self.form.message.say(f"{lost} {self.form.message.text()}".strip(), "problem")
        self._probe.start()
        QTimer.singleShot(WARM_UP_MS, lambda: in_background(warm_up))

    @property
    def run(self) -> SegmentRun | None:
        """The run that goes on, if any."""
        return self._run

    def end(self) -> None:
        """Stop a run; what is done of it is kept."""
        if self._run is not None:
            self._run.stop()

    def segment(self, model: Path, image: InputChoice) -> None:
        """Segment these layers with this model, as if both had been chosen and the button clicked."""
        self._reread_models()
        self.form.model.set_value(str(model))
        self.form.image.set_value(image)
        self._begin(
            replace(self.form.options.value(), keep_in="")
        )  # the file is that of another result

    def _connect(self) -> None:
        form = self.form
        self._watch.changed.connect(form.image.set_layers)
        self._probe.found.connect(form.device.set_devices)
        self._probe.found.connect(self._show_cost)
        self._measuring.found.connect(self._show_cost)
        form.image.value_changed.connect(self._on_choice_changed)
        form.model.value_changed.connect(self._on_model_changed)
        form.model.open_requested.connect(self._on_open_requested)
        form.device.value_changed.connect(self._show_cost)
        form.options.value_changed.connect(self._show_cost)
        form.options.threshold_changed.connect(self._on_threshold_changed)
        form.bar.run_requested.connect(self._on_run_requested)
        form.bar.part_requested.connect(self._on_part_requested)
        form.bar.stop_requested.connect(self._on_stop_requested)
        form.bar.cancel_requested.connect(self._on_cancel_requested)
        model_news().saved.connect(self._reread_models)
        model_news().chosen.connect(form.model.set_value)

    def _open_model(self, path: Path) -> None:
        try:
            self.form.model.add_entry(ModelEntry(path.stem, path, False, read_header(path)))
        except ModelFileError as error:
            self.form.message.say(str(error), "problem")

    def _reread_models(self) -> None:
        """Offer the models as their files are by now; the choice stays."""
        listed = list_models()
        known = {entry.path for entry in listed}
        opened = [
            model_entry(old.path)
            for old in self.form.model.entries()
            if old.path not in known and old.path.is_file()
        ]
        self.form.model.set_entries([*listed, *opened])

    def _on_open_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a model", str(user_folder()), f"Models (*{SUFFIX})"
        )
        if path:
            self._open_model(Path(path))

    def _on_model_changed(self) -> None:
        entry = self.form.model.value()
        spec = entry.header.spec if entry and entry.header else None
        self.form.options.set_threshold_default(
            spec.threshold if spec and len(spec.classes) == 2 else None
        )
        self.form.options.set_has_measured_halo(spec is not None and spec.halo is not None)
        self.form.image.set_model(spec)

    def _on_threshold_changed(self, threshold: float) -> None:
        entry = self.form.model.value()
        if entry is not None and self._run is None:
            self._last.set_threshold(threshold, entry.header)

    def _on_choice_changed(self) -> None:
        """Tell at once whether there can be a run, and what is to be known about it."""
        if self._run is not None:
            return
        form = self.form
        form.options.set_has_slices(len(form.image.value().axes.replace("c", "")) > 2)
        form.options.set_name(self._plan.file_name(form.image.value()))
        outlook = self._plan.outlook(form.image.value(), form.model.value())
        form.bar.set_ready(outlook.ready, outlook.text)
        form.message.say(
            outlook.text, "info" if outlook.ready else "problem"
        ) if outlook.shown else form.message.clear()
        self._show_cost()

    def _forget_place(self, complete: Path | None) -> None:
        """A file is complete, and the next result belongs into another; one that has been named
        meanwhile stays.
        """
        if complete is not None and place_of(self.form.options.value()) == complete:
            self.form.options.forget_place()
            remember(choices_of(self.form))

    def _show_cost(self) -> None:
        """Tell what a run would take, unless one goes on."""
        form = self.form
        chosen = (form.image.value(), form.model.value(), form.device.taken(), form.options.value())
        if self._run is not None:
            form.show_cost("")
            return
        cost = self._plan.cost(*chosen)
        form.show_cost(cost.text)
        if cost.unmeasured is not None and (entry := form.model.value()) is not None:
            wanted = cost.unmeasured
            self._measuring.ask(
                entry.path,
                wanted.device,
                wanted.engine,
                wanted.precision,
                min(cost.voxels, PROBE_VOXELS),
            )

    def _on_run_requested(self) -> None:
        self._begin(self.form.options.value())

    def _on_part_requested(self) -> None:
        self._begin(
            replace(
                self.form.options.value(),
                current_slice_only=True,
                region_in_view_only=True,
                keep_in="",
            )
        )

    def _begin(self, options: Options) -> None:
        form = self.form
        entry = self.form.model.value()
        if entry is None or self._run is not None:
            return
        try:
            run = self._plan.make_run(form.image.value(), entry, form.device.value(), options)
        except NapariUNetError as error:
            form.message.say(str(error), "problem")
            return
        self._start(run)
        remember(choices_of(self.form))

    def _start(self, run: SegmentRun) -> None:
        self._run = run
        self._measuring.stop()
        self.form.message.clear()
        self.form.bar.set_running(True)
        self._show_cost()
        run.waiting.connect(self.form.bar.set_waiting)
        run.progressed.connect(self._on_run_progressed)
        run.ended.connect(self._on_run_ended)
        self.destroyed.connect(run.stop)
        run.start()

    def _on_run_progressed(self, progress: Progress) -> None:
        self.form.bar.set_progress(replace(progress, note=progress.note or PAINT_NOTE))

    def _on_stop_requested(self) -> None:
        if self._run is not None:
            self.form.bar.set_ending("Stopping…")
            self._run.stop()

    def _on_cancel_requested(self) -> None:
        if self._run is not None:
            self.form.bar.set_ending("Cancelling…")
            self._run.cancel()

    def _on_run_ended(self, end: RunEnd) -> None:
        run = self._run
        self._run = None
        self.form.bar.set_running(False)
        if end.kind == "failed":
            self._reread_models()
        self._on_choice_changed()
        self.form.message.say(end.sentence, KINDS[end.kind], end.details)
        if (
            run is not None
            and run.result is not None
            and run.result.labels is not None
            and end.kind in ("done", "stopped")
        ):
            self._last.take(run.result, run.model.header)
        if run is not None and end.kind == "done":
            self._forget_place(run.file)
        self.run_ended.emit(end)

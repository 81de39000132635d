"""What the docks do alike: a form, the devices, the list of models, and one run at a time."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Generic, TypeVar

from qtpy.QtCore import QTimer, Signal
from qtpy.QtWidgets import QFileDialog, QWidget

from napari_unet.errors import NapariUNetError
from napari_unet.model.formats.registry import model_file_filter
from napari_unet.model.library import list_models, model_entry, user_folder
from napari_unet.progress import Progress
from napari_unet.widgets.docks.docked import Docked
from napari_unet.widgets.docks.fit_probe import FitProbe, FitQuestion
from napari_unet.widgets.docks.form import DockForm
from napari_unet.widgets.docks.run import Run, RunEnd
from napari_unet.widgets.fields.model_news import model_news
from napari_unet.widgets.jobs.device_probe import DeviceProbe
from napari_unet.widgets.jobs.job import in_background
from napari_unet.widgets.painting.commands import bind_keys
from napari_unet.widgets.viewer.class_colours import warm_up
from napari_unet.widgets.viewer.focus import ViewMoves
from napari_unet.widgets.viewer.layer_facts import real_viewer

WARM_UP_MS = 300
KINDS = {"done": "done", "stopped": "info", "cancelled": "info", "failed": "error"}

SomeRun = TypeVar("SomeRun", bound=Run)


class RunDock(Docked, Generic[SomeRun]):
    """Starts one run at a time and shows how it goes; `run_ended` tells scripts and tests how it
    went.

    A dock says what is to run (`make_run`), what may be chosen (`show_readiness`), and what it does
    when a run begins, tells of its progress, and ends.
    """

    form: DockForm

    run_ended = Signal(object)

    stopping_text = "Stopping…"

    def __init__(self, napari_viewer: Any, form: DockForm, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hold(form)
        self.form = form
        self._run: SomeRun | None = None
        self._probe = DeviceProbe(self)
        self._fit = FitProbe(self)
        self._moves = ViewMoves(real_viewer(napari_viewer))
        bind_keys(real_viewer(napari_viewer))

    @property
    def run(self) -> SomeRun | None:
        """The run of the moment, if any."""
        return self._run

    def make_run(self) -> SomeRun | None:
        """The run that is chosen, not begun; raises `NapariUNetError` where there can be none."""
        raise NotImplementedError

    def show_readiness(self) -> None:
        """Show whether what is chosen can run; called again after each run."""
        raise NotImplementedError

    def fit_question(self) -> FitQuestion | None:
        """Whether the chosen model may fit what is in view, to be answered before a run; None where
        there can be none.
        """
        raise NotImplementedError

    def show_fit(self) -> None:
        """Show what is known of that, and find it out where nothing is."""
        if self._run is None:
            self.form.show_fit(self._fit.answer(self.fit_question()))

    def run_begins(self, run: SomeRun) -> None:
        """Get ready for what this run will tell."""

    def show_progress(self, progress: Progress) -> None:
        """Show how far the run is."""
        self.form.bar.set_progress(progress)

    def show_end(self, run: SomeRun, end: RunEnd) -> None:
        """Show how the run ended."""
        self.form.message.say(end.sentence, KINDS[end.kind], end.details)

    def models_changed(self) -> None:
        """React to a list of models that was read again."""

    def end(self) -> None:
        """Stop a run; what is done of it is kept."""
        if self._run is not None:
            self._run.stop()

    def connect_form(self) -> None:
        """Connect what all forms have, and begin to look for devices."""
        form = self.form
        self._probe.found.connect(form.device.set_devices)
        self._fit.found.connect(self.show_fit)
        self._moves.rested.connect(self.show_fit)
        form.model.open_requested.connect(self._on_open_requested)
        form.bar.run_requested.connect(self._on_run_requested)
        form.bar.stop_requested.connect(self._on_stop_requested)
        form.bar.cancel_requested.connect(self._on_cancel_requested)
        model_news().saved.connect(self.reread_models)
        model_news().chosen.connect(self.choose_model)

    def start_probing(self) -> None:
        """Look for devices, and import what the first click would wait for, in the background."""
        self._probe.start()
        QTimer.singleShot(WARM_UP_MS, lambda: in_background(warm_up))

    def reread_models(self) -> None:
        """Offer the models as their files are by now; the choice stays."""
        listed = list_models()
        known = {entry.path for entry in listed}
        opened = [
            model_entry(old.path)
            for old in self.form.model.entries()
            if old.path not in known and old.path.is_file()
        ]
        self.form.model.set_entries([*listed, *opened])
        self.models_changed()

    def choose_model(self, path: str) -> None:
        """Choose the model of this file, which may lie outside of the library."""
        known = any(str(entry.path) == path for entry in self.form.model.entries())
        if known or not Path(path).is_file():
            self.form.model.set_value(path)
        else:
            self.form.model.add_entry(model_entry(Path(path)))

    def begin(self, make_run: Callable[[], SomeRun | None]) -> bool:
        """Start the run that is made; where there can be none, say why."""
        if self._run is not None:
            return False
        try:
            run = make_run()
        except NapariUNetError as error:
            self.form.message.say(str(error), "problem")
            return False
        if run is not None:
            self._start(run)
        return run is not None

    def _start(self, run: SomeRun) -> None:
        self._run = run
        self._fit.stop()
        self.form.show_fit("")
        self.form.message.clear()
        self.form.set_running(True)
        self.run_begins(run)
        run.waiting.connect(self.form.bar.set_waiting)
        run.progressed.connect(self.show_progress)
        run.ended.connect(self._on_run_ended)
        self.destroyed.connect(run.stop)
        run.start()

    def _open_model(self, path: Path) -> None:
        entry = model_entry(path)
        if entry.header is None:
            self.form.message.say(entry.problem, "problem")
        else:
            self.form.model.add_entry(entry)

    def _on_open_requested(self) -> None:
        path, _ = QFileDialog.getOpenFileName(
            self, "Open a model", str(user_folder()), model_file_filter()
        )
        if path:
            self._open_model(Path(path))

    def _on_run_requested(self) -> None:
        self.begin(self.make_run)

    def _on_stop_requested(self) -> None:
        if self._run is not None:
            self.form.bar.set_ending(self.stopping_text)
            self._run.stop()

    def _on_cancel_requested(self) -> None:
        if self._run is not None:
            self.form.bar.set_ending("Cancelling…")
            self._run.cancel()

    def _on_run_ended(self, end: RunEnd) -> None:
        run = self._run
        self._run = None
        self.form.set_running(False)
        if end.kind == "failed":
            self.reread_models()  # a model's file may have changed since it was chosen
        self.show_readiness()
        if run is not None:
            self.show_end(run, end)
        self.run_ended.emit(end)

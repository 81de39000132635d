"""After the verdict: segment with the new model, go back to the old one, use it anyway, see what
changed.
"""

import weakref
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from qtpy.QtCore import QObject, Signal

from napari_unet.errors import NapariUNetError
from napari_unet.widgets.docks.open_dock import open_dock
from napari_unet.widgets.fields.model_news import model_news
from napari_unet.widgets.finetune.changes_layer import show_changes
from napari_unet.widgets.finetune.fields.verdict_card import VerdictCard
from napari_unet.widgets.finetune.order import TrainOrder
from napari_unet.widgets.finetune.plan import FinetunePlan
from napari_unet.widgets.finetune.run import FinetuneRun
from napari_unet.widgets.finetune.task import Trained, kept
from napari_unet.widgets.jobs.job import in_background

SEGMENT = "Segment"
NOT_SAVED = "{} could not be saved, and is kept in memory only. {} Then press Save again."


class FinetuneOutcome(QObject):
    """Carries out what the verdict card asks for; `said` tells a sentence and its kind."""

    said = Signal(str, str)
    _saved = Signal(object)

    def __init__(self, viewer: Any, card: VerdictCard, plan: FinetunePlan) -> None:
        super().__init__(card)
        self._viewer = weakref.ref(viewer)
        self._card = card
        self._plan = plan
        self._run: FinetuneRun | None = None
        self._trained: Trained | None = None
        card.segment_requested.connect(self._on_segment_requested)
        card.back_requested.connect(self._on_back_requested)
        card.anyway_requested.connect(self._on_anyway_requested)
        card.changes_requested.connect(self._on_changes_requested)
        self._saved.connect(self._on_saved)

    def take(self, run: FinetuneRun, trained: Trained) -> None:
        """Show how a training came out."""
        self._run = run
        self._trained = trained
        self._card.set_verdict(
            trained.result.verdict, self._old_name(), run.order.name, lost=bool(trained.problem)
        )
        if trained.path is not None:
            model_news().saved.emit(str(trained.path))

    def forget(self) -> None:
        """Let go of the models."""
        self._run, self._trained = None, None
        self._card.clear()

    def _old_name(self) -> str:
        return (
            self._run.order.parent.name
            if self._run is not None and self._run.order.parent is not None
            else ""
        )

    def _on_segment_requested(self) -> None:
        run = self._run
        trained = self._trained
        if run is None or trained is None or trained.path is None:
            return
        model_news().chosen.emit(str(trained.path))
        dock = open_dock(self._viewer(), SEGMENT)
        if dock is not None:
            dock.segment(trained.path, run.pairs[0].image)

    def _on_back_requested(self) -> None:
        if self._run is not None and self._run.order.parent is not None:
            model_news().chosen.emit(str(self._run.order.parent.path))
            self._card.show_buttons(segment=False, back=False)
            self.said.emit(
                f"{self._old_name()} is chosen again; {self._run.order.name} stays in the list of models.",
                "info",
            )

    def _on_anyway_requested(self) -> None:
        run = self._run
        trained = self._trained
        if run is None or trained is None:
            return
        if trained.path is not None:
            self._use(trained.path)
            return

        def write() -> None:
            with suppress(RuntimeError):  # the window has been closed
                self._saved.emit(kept(trained.result, run.order.path))

        in_background(write)

    def _on_saved(self, trained: Trained) -> None:
        before = self._trained
        run = self._run
        if before is None or run is None or trained.result is not before.result:
            return  # another training has begun meanwhile
        if trained.path is None:
            self.said.emit(trained.problem, "error")
            return
        if before.problem:  # "Save again" does what the end of the training could not
            self.take(run, trained)
            self.said.emit(*said_of(trained, run.order))
        else:
            self._trained = trained
            model_news().saved.emit(str(trained.path))
            self._use(trained.path)

    def _use(self, path: Path) -> None:
        model_news().chosen.emit(str(path))
        self._card.show_buttons(segment=True, back=bool(self._old_name()))

    def _on_changes_requested(self) -> None:
        self._try(self._show_changes)

    def _show_changes(self) -> None:
        run = self._run
        trained = self._trained
        viewer = self._viewer()
        if run is None or trained is None or viewer is None:
            return
        for number, pair in enumerate(run.pairs):
            changes = [change for change in trained.result.changes if change.item == number]
            images = self._plan.image_layers(pair.image)
            if changes and images:
                show_changes(viewer, images[0], pair.image.axes, self._plan.scan(pair), changes)

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except NapariUNetError as error:
            self.said.emit(str(error), "problem")


def said_of(trained: Trained, order: TrainOrder) -> tuple[str, str]:
    """What is to be known of an ending besides the verdict, and of which kind that is."""
    name = order.name
    old = "" if order.parent is None else order.parent.name
    if trained.problem:
        return " ".join([*trained.result.notes, NOT_SAVED.format(name, trained.problem)]), "error"
    kept = f"{name} was not saved; Use anyway keeps it."
    if trained.path is not None:
        kept = (
            f"Saved as {name}; {old} stays chosen."
            if old and trained.result.best is trained.result.parent
            else f"Saved as {name}."
        )
    return " ".join([*trained.result.notes, kept]), "info" if trained.path is None else "done"

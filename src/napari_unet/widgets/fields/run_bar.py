"""The button that starts a run, and one for a part of it; while it runs, its progress with Pause,
Stop and Cancel.
"""

from dataclasses import dataclass

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QHBoxLayout, QProgressBar, QPushButton, QVBoxLayout, QWidget

from napari_unet.progress import Progress
from napari_unet.widgets.fields.rows import make_note, plain_tip
from napari_unet.words import duration

STEPS = 1000
PAUSE = "Pause"
RESUME = "Resume"
PAUSE_TIP = "Rest until Resume is pressed; the time that was given stands still meanwhile."
BUTTON_STYLE = """
QPushButton {{
    background-color: {0}; color: #ffffff; border: 2px solid {0}; border-radius: 4px;
    padding: 5px; font-weight: bold;
}}
QPushButton:focus {{ border-color: #a9d1ff; }}
QPushButton:hover {{ background-color: {1}; }}
QPushButton:pressed {{ background-color: {2}; }}
QPushButton:disabled {{ background-color: #6b6f7a; border-color: #6b6f7a; color: #c4c7ce; }}
"""
OBVIOUS_STYLE = BUTTON_STYLE.format("#2a6fb5", "#3480cc", "#225a94")
BAR_STYLE = """
QProgressBar {
    border: 0px; border-radius: 3px; background-color: rgba(128, 128, 128, 70);
    max-height: 6px; min-height: 6px;
}
QProgressBar::chunk { border-radius: 3px; background-color: #2f7fc9; }
"""


@dataclass(frozen=True)
class RunWords:
    """The buttons' texts and tooltips; `part` is the button for less than the whole, if any."""

    run: str
    run_tip: str
    stop: str = "Stop"
    stop_tip: str = "Stop, and keep what is done. What is not computed stays marked."
    cancel_tip: str = "Stop, and remove the result, as if it had never begun."
    part: str = ""
    part_tip: str = ""


class RunBar(QWidget):
    """Signals when a run, a pause, a stop or a cancel is requested; shows the progress."""

    run_requested = Signal()
    part_requested = Signal()
    pause_requested = Signal(bool)
    stop_requested = Signal()
    cancel_requested = Signal()

    def __init__(
        self, words: RunWords, parent: QWidget | None = None, can_pause: bool = False
    ) -> None:
        super().__init__(parent)
        self._words = words
        self._can_pause = can_pause
        self.run_button = make_button(words.run, words.run_tip, self)
        self._begin = [self.run_button]
        if words.part:
            self._begin.append(make_button(words.part, words.part_tip, self))
            self._begin[-1].clicked.connect(self.part_requested)
        self.set_obvious(True)
        self.pause_button = make_button(PAUSE, PAUSE_TIP, self)
        self.stop_button = make_button(words.stop, words.stop_tip, self)
        self.cancel_button = make_button("Cancel", words.cancel_tip, self)
        self._bar = QProgressBar(self)
        self._bar.setTextVisible(False)
        self._bar.setStyleSheet(BAR_STYLE)
        self._note = make_note(self)
        self._lay_out()
        self.run_button.clicked.connect(self.run_requested)
        self.pause_button.clicked.connect(self._on_pause_clicked)
        self.stop_button.clicked.connect(self.stop_requested)
        self.cancel_button.clicked.connect(self.cancel_requested)
        self.set_running(False)

    def set_running(self, running: bool) -> None:
        """Show the button for a run, or the progress with Stop and Cancel."""
        for button in self._begin:
            button.setVisible(not running)
        for widget in (self.stop_button, self.cancel_button, self._bar, self._note):
            widget.setVisible(running)
        self.pause_button.setVisible(running and self._can_pause)
        self.pause_button.setText(PAUSE)
        for button in (self.pause_button, self.stop_button, self.cancel_button):
            button.setEnabled(True)
        if running:
            self.set_waiting("Starting…")

    def set_ready(self, ready: bool, reason: str = "") -> None:
        """Allow a run, or say why there can be none."""
        for button, tip in zip(
            self._begin, (self._words.run_tip, self._words.part_tip), strict=False
        ):
            button.setEnabled(ready)
            button.setToolTip(plain_tip(tip if ready else reason))

    def set_obvious(self, obvious: bool) -> None:
        """Let the button for a run stand out, or step back behind another one."""
        self.run_button.setStyleSheet(OBVIOUS_STYLE if obvious else "")

    def set_waiting(self, text: str) -> None:
        """Show that something goes on that takes an unknown time."""
        self._bar.setRange(0, 0)
        self._note.setText(text)

    def set_progress(self, progress: Progress) -> None:
        """Show how far the job is, and the time left."""
        self._bar.setUpdatesEnabled(False)  # a bar paints at once otherwise, and the canvas with it
        self._bar.setRange(0, STEPS)
        self._bar.setValue(round(progress.share * STEPS))
        self._bar.setUpdatesEnabled(True)
        left = "" if progress.seconds_left is None else f"{duration(progress.seconds_left)} left"
        parts = [f"{progress.done} of {progress.total} {progress.unit}", left, progress.note]
        self._note.setText(" · ".join(part for part in parts if part))

    def set_ending(self, text: str) -> None:
        """Show that the run is about to end; only Cancel can still be pressed."""
        for button in (self.pause_button, self.stop_button):
            button.setEnabled(False)
        self._note.setText(text)

    def _on_pause_clicked(self) -> None:
        paused = self.pause_button.text() == PAUSE
        self.pause_button.setText(RESUME if paused else PAUSE)
        if paused:
            self._note.setText("Paused")
        self.pause_requested.emit(paused)

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(6)
        buttons.addWidget(self.pause_button, 1)
        buttons.addWidget(self.stop_button, 2 if self._can_pause else 1)
        buttons.addWidget(self.cancel_button, 1)
        begin = QHBoxLayout()
        begin.setSpacing(6)
        for button, stretch in zip(self._begin, (2, 1), strict=False):
            begin.addWidget(button, stretch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addLayout(begin)
        layout.addWidget(self._note)
        layout.addWidget(self._bar)
        layout.addLayout(buttons)


def make_button(text: str, tip: str, parent: QWidget) -> QPushButton:
    """A button with a tooltip that explains it."""
    button = QPushButton(text, parent)
    button.setToolTip(plain_tip(tip))
    return button

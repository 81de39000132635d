"""The verdict: whether the new model is better than the old one, with numbers, and what can be done
now.
"""

from typing import TYPE_CHECKING

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QFrame, QGridLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_unet.widgets.fields.message_line import KIND_COLOURS
from napari_unet.widgets.fields.rows import make_label, make_note, plain_tip
from napari_unet.widgets.fields.run_bar import OBVIOUS_STYLE, make_button

if TYPE_CHECKING:
    from napari_unet.learn.judging.verdict import ClassVerdict, Verdict

FLOW_SPACING_PX = 6
CHILD = "child"
NOT_LEARNT = "not learnt"
KINDS = {
    CHILD: "done",
    "parent": "problem",
    "tie": "info",
    "not judged": "info",
    NOT_LEARNT: "problem",
}
SEGMENT_TIP = (
    "Segment the image with the new model. The result is a new layer; what you "
    "corrected stays corrected."
)
BACK_TIP = "Choose the old model again in every window. The new one stays in the list of models."
ANYWAY = "Use anyway"
ANYWAY_TIP = "Choose the new model, though it was not shown to be better."
AGAIN = "Save again"
AGAIN_TIP = "Try once more to write the new model's file; it is lost when napari is closed before."
ELSEWHERE = "Save elsewhere…"
ELSEWHERE_TIP = "Choose another folder for the new model's file."
CHANGES_TIP = "Show as a layer where the new model decides otherwise than the old one did."
DICE_TIP = (
    "Dice on regions that you called right and that did not teach: 1 is perfect agreement, "
    "0 is none."
)


class VerdictCard(QFrame):
    """Shows a `Verdict`, and buttons for what can be done now; one stands out where the new model
    won.
    """

    segment_requested = Signal()
    back_requested = Signal()
    anyway_requested = Signal()
    elsewhere_requested = Signal()
    changes_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("verdict_card")
        self._heading = make_note(self)
        self._note = make_note(self)
        self._heading.setStyleSheet("font-weight: bold;")
        self._table = QWidget(self)
        self._grid = QGridLayout(self._table)
        self.segment_button = make_button("Segment with it", SEGMENT_TIP, self)
        self.segment_button.setStyleSheet(OBVIOUS_STYLE)
        self.back_button = make_button("Go back", BACK_TIP, self)
        self.anyway_button = make_button(ANYWAY, ANYWAY_TIP, self)
        self.elsewhere_button = make_button(ELSEWHERE, ELSEWHERE_TIP, self)
        self.changes_button = make_button("Show changes", CHANGES_TIP, self)
        self._lay_out()
        self.segment_button.clicked.connect(self.segment_requested)
        self.back_button.clicked.connect(self.back_requested)
        self.anyway_button.clicked.connect(self.anyway_requested)
        self.elsewhere_button.clicked.connect(self.elsewhere_requested)
        self.changes_button.clicked.connect(self.changes_requested)
        self.clear()

    def set_verdict(self, verdict: "Verdict", old: str, new: str, lost: bool = False) -> None:
        """Show a verdict on two models of these names; `old` is empty where there was none, `lost`
        says that no file could be written.
        """
        heading, rest = parted(verdict.sentence)
        self._heading.setText(heading)
        self._note.setText(rest)
        self._note.setVisible(bool(rest))
        self._fill_table(verdict, old, new)
        self.anyway_button.setText(AGAIN if lost else ANYWAY)
        self.anyway_button.setToolTip(plain_tip(AGAIN_TIP if lost else ANYWAY_TIP))
        better = verdict.kind == CHILD and not lost
        only_one = not (old or lost or verdict.kind == NOT_LEARNT)
        self.show_buttons(segment=better or only_one, back=better and bool(old))
        self.elsewhere_button.setVisible(lost)
        self.changes_button.setVisible(bool(old))
        self._colour(KINDS[verdict.kind])
        self.show()

    def show_buttons(self, segment: bool, back: bool) -> None:
        """Show the buttons that make sense now; "Use anyway" where segmenting is not offered."""
        self.segment_button.setVisible(segment)
        self.back_button.setVisible(back)
        self.anyway_button.setVisible(not segment)

    def clear(self) -> None:
        """Show nothing."""
        self.hide()

    def _fill_table(self, verdict: "Verdict", old: str, new: str) -> None:
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._table.setVisible(bool(verdict.classes))
        for column, text in enumerate(("Dice", "old", "new")):
            self._put(
                0,
                column,
                make_label(text, self._table),
                ("", old or "There was no model before.", new)[column],
            )
        for number, row in enumerate(verdict.classes, 1):
            self._put(number, 0, make_label(row.name, self._table), "")
            self._put(
                number, 1, _score(row.parent, row.kind == "parent", self._table), difference_of(row)
            )
            self._put(
                number, 2, _score(row.child, row.kind == CHILD, self._table), difference_of(row)
            )

    def _put(self, row: int, column: int, label: QLabel, tip: str) -> None:
        label.setToolTip(plain_tip(tip or DICE_TIP))
        if column:
            label.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._grid.addWidget(label, row, column)

    def _colour(self, kind: str) -> None:
        self.setStyleSheet(
            f"#verdict_card {{ border: 0px; border-left: 3px solid {KIND_COLOURS[kind]}; }}"
        )

    def _lay_out(self) -> None:
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(10)
        self._grid.setVerticalSpacing(2)
        for column in (0, 1, 2):
            self._grid.setColumnStretch(column, 1)
        flow = QFlowLayout()
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setHorizontalSpacing(FLOW_SPACING_PX)
        flow.setVerticalSpacing(FLOW_SPACING_PX)
        for button in self.buttons()[1:]:
            flow.addWidget(button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 0, 4)
        layout.setSpacing(6)
        for widget in (self._heading, self._note, self._table, self.segment_button):
            layout.addWidget(widget)
        layout.addLayout(flow)

    def buttons(self) -> list[QPushButton]:
        """What can be pressed."""
        return [
            self.segment_button,
            self.back_button,
            self.anyway_button,
            self.elsewhere_button,
            self.changes_button,
        ]


def parted(sentence: str) -> tuple[str, str]:
    """The first part of a sentence, up to its colon, and the rest as a sentence of its own."""
    first, colon, rest = sentence.partition(": ")
    return (first + ".", rest[:1].upper() + rest[1:]) if colon else (sentence, "")


def difference_of(row: "ClassVerdict") -> str:
    """The difference of a class between the models, and how sure it is, in a sentence."""
    if row.low is None or row.high is None:
        return f"Too few reviewed regions to say how sure the difference is. {DICE_TIP}"
    return f"The difference is {row.low:+.3f} to {row.high:+.3f} (98 % interval). {DICE_TIP}"


def _score(value: float | None, wins: bool, parent: QWidget) -> QLabel:
    label = make_label("–" if value is None else f"{value:.3f}", parent)
    if wins:
        label.setStyleSheet("font-weight: bold;")
    return label

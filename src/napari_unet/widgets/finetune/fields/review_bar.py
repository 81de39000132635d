"""How much of the labels a model would learn from, and the buttons that call something right."""

from qtpy.QtCore import Signal
from qtpy.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget
from superqt import QFlowLayout

from napari_unet.widgets.fields.rows import make_note, plain_tip

FLOW_SPACING_PX = 6
TITLE_TIP = (
    "A model learns from what you painted and from what you say is right. "
    "Everything else is left out."
)
SLICE_TIP = (
    "All of the slice that is shown is right as it stands now: it teaches, and it "
    "can judge the new model."
)
REGION_TIP = (
    "Draw a box: all that is inside is right as it stands now. It teaches, and it "
    "can judge the new model."
)
WHOLE_TIP = (
    "All of these labels are right, as labels from elsewhere may be: all "
    "of them teach and can judge."
)
OVERLAY_TIP = (
    "Show what teaches as a layer. Paint on it to give trust without a change, "
    "erase it to take trust back."
)
DELETE_TIP = (
    "Remove the strokes that are kept on this computer for these labels, from "
    "before this session too."
)
RESTORE_TIP = "Bring the labels and strokes of an earlier session back as a new layer."
NOTHING = "Nothing teaches yet: paint what is wrong, or say what is right."


class ReviewBar(QWidget):
    """Signals when a review, the overlay or the deletion of the history is requested; shows how
    much is trusted, and lost strokes that can be restored.
    """

    slice_requested = Signal()
    region_requested = Signal()
    whole_requested = Signal()
    overlay_toggled = Signal(bool)
    delete_requested = Signal()
    restore_requested = Signal()
    decline_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._line = make_note(self)
        self.slice_button = self._button("This slice is right", SLICE_TIP)
        self.region_button = self._button("This region is right", REGION_TIP)
        self.whole_button = self._button("Whole layer is right", WHOLE_TIP)
        self.overlay_box = QCheckBox("Show what teaches", self)
        self.overlay_box.setToolTip(plain_tip(OVERLAY_TIP))
        self.delete_button = self._button("Delete history", DELETE_TIP)
        self._offer = self._make_offer()
        self._lay_out()
        self.slice_button.clicked.connect(self.slice_requested)
        self.region_button.clicked.connect(self.region_requested)
        self.whole_button.clicked.connect(self.whole_requested)
        self.overlay_box.clicked.connect(self.overlay_toggled)
        self.delete_button.clicked.connect(self.delete_requested)
        self.set_summary("")
        self.set_offer("")
        self.set_active(False)

    def summary(self) -> str:
        """The line that is shown."""
        return self._line.text()

    def set_summary(self, text: str) -> None:
        """Show how much there is to learn from."""
        self._line.setText(text[:1].upper() + text[1:] or NOTHING)

    def set_active(self, active: bool, has_slices: bool = False) -> None:
        """Allow reviews where there are labels; "slice" is offered where there is more than one."""
        for button in (
            self.slice_button,
            self.region_button,
            self.whole_button,
            self.overlay_box,
            self.delete_button,
        ):
            button.setEnabled(active)
        self.slice_button.setVisible(has_slices)
        for widget in self.fields():  # a hidden widget would leave a gap in this layout
            self._flow.removeWidget(widget)
        for widget in self.fields() if has_slices else self.fields()[1:]:
            self._flow.addWidget(widget)

    def set_overlay(self, shown: bool) -> None:
        """Show whether the overlay is visible, without a signal."""
        self.overlay_box.setChecked(shown)

    def set_offer(self, text: str) -> None:
        """Offer the strokes of a session that ended badly, or nothing."""
        self._offer_note.setText(text)
        self._offer.setVisible(bool(text))

    def fields(self) -> list[QWidget]:
        """What can be pressed, from top to bottom."""
        return [
            self.slice_button,
            self.region_button,
            self.whole_button,
            self.overlay_box,
            self.delete_button,
        ]

    def _button(self, text: str, tip: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setToolTip(plain_tip(tip))
        return button

    def _make_offer(self) -> QFrame:
        offer = QFrame(self)
        offer.setObjectName("restore_offer")
        offer.setStyleSheet("#restore_offer { border: 0px; border-left: 3px solid #e0872b; }")
        self._offer_note = make_note(offer)
        self.restore_button = QPushButton("Restore", offer)
        self.decline_button = QPushButton("Leave it", offer)
        self.restore_button.setToolTip(plain_tip(RESTORE_TIP))
        self.decline_button.setToolTip(
            plain_tip("Do not restore these strokes; they stay on this computer.")
        )
        self.restore_button.clicked.connect(self.restore_requested)
        self.decline_button.clicked.connect(self.decline_requested)
        buttons = QHBoxLayout()
        buttons.addWidget(self.restore_button, 1)
        buttons.addWidget(self.decline_button, 1)
        layout = QVBoxLayout(offer)
        layout.setContentsMargins(8, 4, 0, 4)
        layout.addWidget(self._offer_note)
        layout.addLayout(buttons)
        return offer

    def _lay_out(self) -> None:
        self._line.setToolTip(plain_tip(TITLE_TIP))
        flow = QFlowLayout()
        self._flow = flow
        flow.setContentsMargins(0, 0, 0, 0)
        flow.setHorizontalSpacing(FLOW_SPACING_PX)
        flow.setVerticalSpacing(FLOW_SPACING_PX)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(self._offer)
        layout.addWidget(self._line)
        layout.addLayout(flow)

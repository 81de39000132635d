"""One sentence for the user, with its details behind a button."""

from qtpy.QtCore import Qt
from qtpy.QtGui import QGuiApplication
from qtpy.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_unet.widgets.fields.rows import make_note

KIND_COLOURS = {"info": "#3f8fd2", "done": "#3aa76d", "problem": "#e0872b", "error": "#d64545"}


class MessageLine(QFrame):
    """Shows one sentence, or nothing; its `kind`, "info", "done", "problem" or "error", gives the
    colour.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("message_line")
        self._note = make_note(self)
        self._details = ""
        self._button = QToolButton(self)
        self._button.setText("Details…")
        self._button.setToolTip("Show what exactly happened, to copy it into a report")
        self._button.clicked.connect(self._on_button_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 4, 4, 4)
        layout.addWidget(self._note, 1)
        layout.addWidget(self._button, 0, Qt.AlignmentFlag.AlignTop)
        self.clear()

    def say(self, text: str, kind: str = "info", details: str = "") -> None:
        """Show a sentence."""
        self._details = details
        self._note.setText(text)
        self._button.setVisible(bool(details))
        colour = KIND_COLOURS[kind]
        self.setStyleSheet(f"#message_line {{ border: 0px; border-left: 3px solid {colour}; }}")
        self.setVisible(bool(text))

    def clear(self) -> None:
        """Show nothing."""
        self.say("")

    def text(self) -> str:
        """The sentence that is shown."""
        return self._note.text()

    def details(self) -> str:
        """What is behind the button."""
        return self._details

    def _on_button_clicked(self) -> None:
        dialog = make_details_dialog(self.text(), self._details, self)
        dialog.show()


def make_details_dialog(sentence: str, details: str, parent: QWidget) -> QDialog:
    """A window with a text that can be read and copied."""
    dialog = QDialog(parent.window())
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.setWindowTitle("Details")
    dialog.resize(640, 420)
    text = f"{sentence}\n\n{details}"
    edit = QPlainTextEdit(text, dialog)
    edit.setReadOnly(True)
    buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close, dialog)
    copy = QPushButton("Copy", dialog)
    buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
    copy.clicked.connect(lambda: _copy(text))
    buttons.rejected.connect(dialog.close)
    layout = QVBoxLayout(dialog)
    layout.addWidget(edit)
    layout.addWidget(buttons)
    return dialog


def _copy(text: str) -> None:
    clipboard = QGuiApplication.clipboard()
    if clipboard is not None:
        clipboard.setText(text)

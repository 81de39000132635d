"""In which file the result is kept, besides in the window; an interrupted run resumes from it."""

from pathlib import Path

from pydantic.fields import FieldInfo
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit, QPushButton, QToolButton, QWidget

from napari_unet.files.names import allowed_name
from napari_unet.scans.formats.registry import image_file_filter, is_resumable, resumable_formats
from napari_unet.segment.settings_fields import tip_of
from napari_unet.widgets.fields.rows import add_row, make_grid, plain_tip
from napari_unet.widgets.fields.setting_rows import SettingRow

NOWHERE = "the window alone"
UNFINISHED = ".partial"  # what an interrupted run leaves has this behind its name
CHOOSE_TEXT = "…"
CHOOSE_PX = 24
CLEAR_TIP = "Keep the result in the window alone."
CHOOSE_TIP = "Choose a place and a name for the file."


class KeepField(SettingRow):
    """Edits the path of a file that can be filled by parts, or nothing."""

    def __init__(self, info: FieldInfo, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tip = tip_of(info)
        self._name = "labels"
        self._edit = QLineEdit(self)
        self._edit.setPlaceholderText(NOWHERE)
        self._edit.setClearButtonEnabled(True)
        for clear in self._edit.findChildren(QToolButton):
            clear.setToolTip(plain_tip(CLEAR_TIP))
        self._edit.setMinimumWidth(1)
        self._edit.textChanged.connect(self._on_text_changed)
        choose = QPushButton(CHOOSE_TEXT, self)
        choose.setFixedWidth(CHOOSE_PX)
        choose.setAccessibleName(CHOOSE_TIP)
        both = QWidget(self)
        layout = QHBoxLayout(both)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self._edit, 1)
        layout.addWidget(choose)
        add_row(make_grid(self), 0, info.title or "", both, self._tip)
        choose.setToolTip(plain_tip(CHOOSE_TIP))
        choose.clicked.connect(self._on_choose_clicked)

    def value(self) -> str:
        """The path; nothing where the result is not kept."""
        text = self._edit.text().strip().rstrip("/\\").removesuffix(UNFINISHED)
        return text if not text or is_resumable(Path(text)) else text + _suffix()

    def set_value(self, value: str) -> None:
        """Show this path."""
        self._edit.setText(value)

    def set_name(self, name: str) -> None:
        """Offer this name, without a suffix, to who has chosen none."""
        self._name = allowed_name(name, "labels")

    def _on_choose_clicked(self) -> None:
        """Ask for a file. One that exists is not refused here: the run says whether it can resume
        what is there.
        """
        known = self.value() or str(Path.home() / f"{self._name}{_suffix()}")
        option = QFileDialog.Option.DontConfirmOverwrite
        path, _ = QFileDialog.getSaveFileName(
            self,
            "Keep the result in",
            known,
            image_file_filter(resumable_formats()),
            options=option,
        )
        if path:
            self._edit.setText(path)

    def _on_text_changed(self, text: str) -> None:
        self._edit.setToolTip(plain_tip(text or self._tip))
        self.value_changed.emit()


def _suffix() -> str:
    return resumable_formats()[0].suffixes[0]

"""What the axes of an image before y and x are: a stack, time, channels, or something else."""

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QWidget

from napari_unet.widgets.fields.rows import add_row, make_combo, make_grid

ORDER = ("First", "Second", "Third", "Fourth", "Fifth", "Sixth")
KINDS = {"z": "stack ({})", "t": "time ({})", "c": "channels ({})", "q": "other ({})"}
OTHERS = "qpvw"  # letters for axes of no known kind, one each
TIP = "What this axis of the image is. A stack is a volume; time points are segmented one by one."


class AxesField(QWidget):
    """Edits one letter for each axis before y and x."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grid = make_grid(self)
        self._combos: list[QComboBox] = []
        self._letters: list[str] = []
        self._lengths: tuple[int, ...] = ()
        self.hide()

    def value(self) -> str:
        """The letters, first axis first."""
        return "".join(self._letters)

    def set_value(self, lengths: Sequence[int], letters: str) -> None:
        """Show axes of these lengths with these letters."""
        if tuple(lengths) != self._lengths:
            self._lengths = tuple(lengths)
            self._rebuild()
        self._letters = list(letters)
        for combo, letter in zip(self._combos, letters, strict=True):
            with QSignalBlocker(combo):
                combo.setCurrentIndex(combo.findData(_kind(letter)))
        self.setVisible(bool(self._combos))

    def fields(self) -> list[QWidget]:
        """The combo boxes, from top to bottom."""
        return list(self._combos)

    def _rebuild(self) -> None:
        while self._grid.count():
            item = self._grid.takeAt(0)
            if item is not None and (widget := item.widget()) is not None:
                widget.deleteLater()
        self._combos = [
            self._make_row(number, length) for number, length in enumerate(self._lengths)
        ]

    def _make_row(self, number: int, length: int) -> QComboBox:
        combo = make_combo(self)
        for letter, text in KINDS.items():
            combo.addItem(text.format(length), letter)
        add_row(self._grid, number, f"{ORDER[number]} axis is", combo, TIP)
        combo.currentIndexChanged.connect(
            lambda _index, number=number: self._on_combo_changed(number)
        )
        return combo

    def _on_combo_changed(self, number: int) -> None:
        letter = str(self._combos[number].currentData())
        before = self._letters[number]
        if letter == _kind(before):
            return
        if letter == OTHERS[0]:
            letter = next(other for other in OTHERS if other not in self._letters)
        # no two axes can be the same: the one that had this letter gets the old one of this axis
        letters = [before if own == letter else own for own in self._letters]
        letters[number] = letter
        self.set_value(self._lengths, "".join(letters))
        self.value_changed.emit()


def _kind(letter: str) -> str:
    return letter if letter in KINDS else OTHERS[0]

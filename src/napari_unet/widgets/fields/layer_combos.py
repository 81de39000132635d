"""Which image layers are the channels of a model: a layer each, or one that holds them all."""

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QComboBox, QLabel, QWidget

from napari_unet.widgets.fields.rows import add_row, make_combo, make_grid
from napari_unet.widgets.fields.values import LayerFacts

NO_IMAGE = "Open an image first"
SOURCES = ("separate layers", "a single layer")
IMAGE_TIP = "The image layer to segment. It is only read, never changed."
SOURCE_TIP = (
    "Where the model's channels are: in a layer of their own each, or "
    "along one axis of a single layer."
)


class LayerCombos(QWidget):
    """Edits a tuple of layer keys, one for each channel, or one for all."""

    value_changed = Signal()

    def __init__(self, parent: QWidget | None = None, tip: str = IMAGE_TIP) -> None:
        super().__init__(parent)
        self._tip = tip
        self._facts: list[LayerFacts] = []
        self._channels: tuple[str, ...] = ()
        self._grid = make_grid(self)
        self._source = make_combo(self)
        self._source.addItems(SOURCES)
        self._source_label = add_row(self._grid, 0, "Channels in", self._source, SOURCE_TIP)
        self._rows: list[tuple[QLabel, QComboBox]] = []
        self._by_hand: set[QComboBox] = set()
        self._source.currentIndexChanged.connect(self._on_source_changed)
        self.set_channels(("image",))

    def value(self) -> tuple[int, ...]:
        """The keys of the chosen layers; empty while there is no image."""
        keys = [combo.currentData() for _, combo in self._rows]
        return tuple(keys) if all(key is not None for key in keys) else ()

    def set_value(self, keys: Sequence[int]) -> None:
        """Choose layers by their keys."""
        for (_, combo), key in zip(self._rows, keys, strict=False):
            if (index := combo.findData(key)) >= 0:
                self._by_hand.add(combo)
                combo.setCurrentIndex(index)

    def set_layers(self, facts: Sequence[LayerFacts]) -> None:
        """Offer these layers; a choice stays while its layer does, and a layer that is new is
        chosen first.
        """
        before = self.value()
        new = [fact.key for fact in facts if fact.key not in {old.key for old in self._facts}]
        self._facts = list(facts)
        for number, (_, combo) in enumerate(self._rows):
            self._fill(combo, new[-1] if new and len(self._rows) == 1 else None, number)
        self._spread()
        if self.value() != before:
            self.value_changed.emit()

    def set_channels(self, channels: Sequence[str]) -> None:
        """Offer one combo per channel, under the channel's name."""
        if tuple(channels) == self._channels:
            return
        self._channels = tuple(channels)
        for widget in (self._source, self._source_label):
            widget.setVisible(len(channels) > 1)
        self._rebuild()

    def in_one_layer(self) -> bool:
        """Whether all channels of a model with several are in one layer."""
        return len(self._channels) > 1 and self._source.currentIndex() == 1

    def fields(self) -> list[QWidget]:
        """The combo boxes, from top to bottom."""
        return [self._source, *(combo for _, combo in self._rows)]

    def _rebuild(self) -> None:
        self._by_hand.clear()
        for row in self._rows:
            for widget in row:
                self._grid.removeWidget(widget)
                widget.hide()
                widget.deleteLater()
        names = ("Image",) if len(self._channels) == 1 or self.in_one_layer() else self._channels
        self._rows = [self._make_row(number, name) for number, name in enumerate(names)]
        self.value_changed.emit()

    def _make_row(self, number: int, name: str) -> tuple[QLabel, QComboBox]:
        combo = make_combo(self)
        tip = (
            self._tip
            if name == "Image"
            else f"The image layer that holds the channel “{name}”. {self._tip}"
        )
        label = add_row(self._grid, number + 1, name, combo, tip)
        self._fill(combo, None, number)
        combo.currentIndexChanged.connect(self.value_changed)
        combo.activated.connect(lambda _index: self._by_hand.add(combo))
        return label, combo

    def _fill(self, combo: QComboBox, wanted: int | None, number: int) -> None:
        chosen = combo.currentData() if wanted is None else wanted
        with QSignalBlocker(combo):
            combo.clear()
            for fact in self._facts:
                combo.addItem(fact.name, fact.key)
            if not self._facts:
                combo.addItem(NO_IMAGE, None)
            index = combo.findData(chosen) if chosen is not None else -1
            combo.setCurrentIndex(index if index >= 0 else min(number, combo.count() - 1))
        combo.setEnabled(bool(self._facts))

    def _spread(self) -> None:
        """Let a combo box that shows the same layer as one before, and that the user has not
        touched, take a layer that no other has.
        """
        taken: set[int | None] = set()
        for _, combo in self._rows:
            free = [fact.key for fact in self._facts if fact.key not in taken]
            if combo not in self._by_hand and combo.currentData() in taken and free:
                with QSignalBlocker(combo):
                    combo.setCurrentIndex(combo.findData(free[0]))
            taken.add(combo.currentData())

    def _on_source_changed(self) -> None:
        self._rebuild()

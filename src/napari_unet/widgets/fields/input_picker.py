"""What is segmented: the layers, what their axes are, and how large a pixel is."""

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Signal
from qtpy.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from napari_unet.errors import ScanError
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.axes import guess_axes
from napari_unet.scans.resample import convert, differs
from napari_unet.scans.scan import SPATIAL
from napari_unet.widgets.fields.axes_field import ORDER, AxesField
from napari_unet.widgets.fields.layer_combos import IMAGE_TIP, LayerCombos
from napari_unet.widgets.fields.rows import (
    ROW_SPACING_PX,
    add_row,
    make_grid,
    make_note,
    order_tabs,
    plain_tip,
)
from napari_unet.widgets.fields.spacing_field import SpacingField
from napari_unet.widgets.fields.values import PIXEL, UM, InputChoice, LayerFacts
from napari_unet.words import pixel_size

SIZE_TIP = (
    "How large a pixel is, in micrometres; it is compared with the pixel size "
    "that the model was trained at."
)
RGB = 3
MATCH_TEXT = "Match the model's pixel size"
MATCH_TIP = (
    "The model was trained at another pixel size. Each tile is resampled to that size, "
    "and the result is brought back."
)


class InputPicker(QWidget):
    """Edits an `InputChoice`; what it shows depends on the model."""

    value_changed = Signal()

    def __init__(
        self, parent: QWidget | None = None, tip: str = IMAGE_TIP, always_match: bool = False
    ) -> None:
        """`tip` explains the image; `always_match` offers no choice about pixel sizes."""
        super().__init__(parent)
        self._always_match = always_match
        self._facts: dict[int, LayerFacts] = {}
        self._spec: ModelSpec | None = None
        self._problem = ""
        # what the user chose for a layer, by its key (and its spatial axes): it stays when another
        # layer is looked at meanwhile
        self._own_axes: dict[int, str] = {}
        self._own_spacing: dict[tuple[int, str], tuple[float, ...] | None] = {}
        self._layers = LayerCombos(self, tip)
        self._axes = AxesField(self)
        self._spacing = SpacingField(self)
        self._match = QCheckBox(MATCH_TEXT, self)
        self._match.setChecked(True)
        self._match_note = make_note(self)
        self._match.setToolTip(plain_tip(MATCH_TIP))
        self._lay_out()
        self._layers.value_changed.connect(self._on_layers_changed)
        self._axes.value_changed.connect(self._on_axes_changed)
        self._spacing.value_changed.connect(self._on_spacing_changed)
        self._match.toggled.connect(self._on_match_toggled)
        self._show_layer()

    def value(self) -> InputChoice:
        """The choice; without layers while there is no image that can be segmented."""
        fact = self._first()
        if fact is None or self._problem:
            return InputChoice(resample=self._match.isChecked(), problem=self._problem)
        lengths = self._spacing.value() or ()
        unit = UM if lengths else PIXEL
        colours = self._colours(fact)
        rgb = fact.rgb and not colours
        return InputChoice(
            self._layers.value(),
            self._letters(fact),
            lengths,
            unit,
            rgb,
            self._match.isChecked(),
            colours=colours,
        )

    def set_layers(self, facts: Sequence[LayerFacts]) -> None:
        """Offer these layers."""
        before = self._chosen()
        self._facts = {fact.key: fact for fact in facts}
        self._own_axes = {key: axes for key, axes in self._own_axes.items() if key in self._facts}
        self._own_spacing = {
            key: own for key, own in self._own_spacing.items() if key[0] in self._facts
        }
        with QSignalBlocker(self._layers):
            self._layers.set_layers(facts)
        self._show_layer()
        if self._chosen() != before:
            self.value_changed.emit()

    def set_value(self, choice: InputChoice) -> None:
        """Choose these layers, and what their axes and pixel sizes are taken for."""
        for key in choice.layers:
            if key in self._facts:
                axes = "".join(a for a in choice.axes if a in SPATIAL)
                self._own_axes[key] = choice.axes
                self._own_spacing[(key, axes)] = choice.spacing or None
        self._layers.set_value(choice.layers)
        self._show_layer()
        self.value_changed.emit()

    def set_model(self, spec: ModelSpec | None) -> None:
        """Show the fields that matter for this model."""
        self._spec = spec
        self._layers.set_channels(spec.channels if spec else ("image",))
        self._show_layer()
        self.value_changed.emit()

    def set_resample(self, resample: bool) -> None:
        """Switch the matching of pixel sizes on or off."""
        self._match.setChecked(resample)

    def fields(self) -> list[QWidget]:
        """What can be changed, from top to bottom."""
        return [*self._layers.fields(), *self._axes.fields(), *self._spacing.fields(), self._match]

    def _lay_out(self) -> None:
        self._size_row = QWidget(self)
        add_row(make_grid(self._size_row), 0, "Pixel size", self._spacing, SIZE_TIP)
        self._match_row = QWidget(self)
        match = QVBoxLayout(self._match_row)
        match.setContentsMargins(0, 0, 0, 0)
        match.setSpacing(0)
        match.addWidget(self._match)
        match.addWidget(self._match_note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(ROW_SPACING_PX)
        for widget in (self._layers, self._axes, self._size_row, self._match_row):
            layout.addWidget(widget)

    def _first(self) -> LayerFacts | None:
        keys = self._layers.value()
        return self._facts.get(keys[0]) if keys else None

    def _chosen(self) -> list[LayerFacts | None]:
        return [self._facts.get(key) for key in self._layers.value()]

    def _letters(self, fact: LayerFacts) -> str:
        return self._axes.value() + "yx" + ("c" if fact.rgb else "")

    def _colours(self, fact: LayerFacts) -> int:
        """How many of a layer's colours are channels: none for a model of one channel, which takes
        the luminance; alpha only for a model of four.
        """
        channels = len(self._spec.channels) if self._spec else 1
        return min(fact.shape[-1], max(channels, RGB)) if fact.rgb and channels > 1 else 0

    def _show_layer(self) -> None:
        fact = self._first()
        self._problem = ""
        try:
            letters = self._axes_of(fact) if fact is not None else ""
        except ScanError as error:
            fact = None
            letters = ""
            self._problem = str(error)
        leading = fact.ndim - 2 if fact is not None else 0
        self._axes.set_value(fact.shape[:leading] if fact is not None else (), letters[:leading])
        if fact is not None:
            self._show_spacing(fact)
        self._show_rows(fact)
        order_tabs(self.fields())

    def _axes_of(self, fact: LayerFacts) -> str:
        """A letter for each axis: the user's own where they fit the layer, else a guess."""
        own = self._own_axes.get(fact.key, "")
        fits = len(own) == len(fact.shape) and own.endswith("yxc" if fact.rgb else "yx")
        return own if fits else self._guess(fact)

    def _guess(self, fact: LayerFacts) -> str:
        if fact.ndim - 2 > len(ORDER):
            raise ScanError(
                f"The layer {fact.name} has {fact.ndim} axes; at most "
                f"{len(ORDER) + 2} are understood."
            )
        spec = self._spec
        dimensions = spec.architecture.dimensions if spec else 2
        channels = len(spec.channels) if spec and self._layers.in_one_layer() else 1
        guess = guess_axes(fact.shape, dimensions, fact.rgb, fact.axis_labels, channels)
        fits = guess.endswith("yxc" if fact.rgb else "yx")
        return guess if fits else guess_axes(fact.shape, dimensions, fact.rgb, (), channels)

    def _show_spacing(self, fact: LayerFacts) -> None:
        axes = "".join(a for a in self._letters(fact) if a in SPATIAL)
        self._spacing.set_value(
            axes, self._own_spacing.get((fact.key, axes), self._layer_spacing(fact, axes))
        )

    def _layer_spacing(self, fact: LayerFacts, axes: str) -> tuple[float, ...] | None:
        if fact.unit != UM:
            return None
        known = dict(zip(self._letters(fact), fact.spacing, strict=False))
        lengths = tuple(known[a] for a in axes)
        return lengths if all(lengths) else None

    def _show_rows(self, fact: LayerFacts | None) -> None:
        trained = self._spec.spacing if self._spec else None
        self._size_row.setVisible(fact is not None and trained is not None)
        sizes = self._both_sizes(fact)
        self._match_row.setVisible(sizes is not None and not self._always_match)
        if sizes is not None:
            own = pixel_size(sizes[0], UM)
            wanted = pixel_size(sizes[1], UM)
            matched = self._match.isChecked()
            self._match_note.setText(
                f"Resampled from {own} to {wanted}"
                if matched
                else f"Left at {own}; trained at {wanted}"
            )

    def _both_sizes(
        self, fact: LayerFacts | None
    ) -> tuple[tuple[float, ...], tuple[float, ...]] | None:
        """Own and trained voxel size in micrometres, where both are known and differ."""
        trained = self._spec.spacing if self._spec else None
        lengths = self._spacing.value()
        if fact is None or self._spec is None or trained is None or lengths is None:
            return None
        known = dict(zip((a for a in self._letters(fact) if a in SPATIAL), lengths, strict=True))
        wanted = convert(trained.size, trained.unit, UM)
        if wanted is None or not set(self._spec.axes) <= set(known):
            return None
        own = tuple(known[a] for a in self._spec.axes)
        return (own, wanted) if differs(own, wanted) else None

    def _on_layers_changed(self) -> None:
        self._show_layer()
        self.value_changed.emit()

    def _on_axes_changed(self) -> None:
        if (fact := self._first()) is not None:
            self._own_axes[fact.key] = self._letters(fact)
            self._show_spacing(fact)
            order_tabs(self.fields())
        self._show_rows(fact)
        self.value_changed.emit()

    def _on_match_toggled(self) -> None:
        self._show_rows(self._first())
        self.value_changed.emit()

    def _on_spacing_changed(self) -> None:
        if (fact := self._first()) is not None:
            axes = "".join(a for a in self._letters(fact) if a in SPATIAL)
            self._own_spacing[(fact.key, axes)] = self._spacing.value()
        self._show_rows(fact)
        self.value_changed.emit()

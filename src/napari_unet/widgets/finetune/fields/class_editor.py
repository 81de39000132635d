"""The classes a model is to know: those that it has, and those that are added to it."""

from collections.abc import Collection, Sequence

from qtpy.QtCore import Qt, Signal
from qtpy.QtWidgets import QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from napari_unet.model.config import MAX_CLASSES
from napari_unet.model.spec import MAX_NAME, ClassSpec
from napari_unet.widgets.fields.class_legend import ClassLegend, make_square
from napari_unet.widgets.fields.rows import make_label, plain_tip

BACKGROUND = ClassSpec(name="background", colour="#000000")
COLOURS = (
    "#ff9f1c",
    "#3a86ff",
    "#2ec4b6",
    "#e71d36",
    "#8338ec",
    "#ffbe0b",
    "#06d6a0",
    "#ff006e",
    "#8ac926",
    "#1982c4",
)
TIP = "What the new model will tell apart. The names come from the model and from the labels."
ADD_TIP = (
    "Teach one more class: it gets a label, a colour and a name, in the labels layer too. Paint "
    "some of it, then fine-tune."
)
EDIT_TIP = "The name of this class; its label is {}."
# more labels than these seem to be objects with a number each: labels of a new model (as in
# learn/setup/prepare), and labels beyond the classes of the model to start from
MOST_FOUND = 32
MOST_MORE = 8
NO_NAME = "Every class needs a name."
TWICE = "Two classes are called {}; give them different names."


class ClassEditor(QWidget):
    """Edits a tuple of `ClassSpec`, background first; those of the old model keep their names.

    Signals: `class_added` and `edited` after what the user did, and `value_changed` after any
    change.
    """

    value_changed = Signal()
    class_added = Signal()
    edited = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fixed: tuple[ClassSpec, ...] = (BACKGROUND,)
        self._own: list[ClassSpec] = []
        self._edits: list[QLineEdit] = []
        self._rows: list[QWidget] = []
        self._legend = ClassLegend(self)
        self._add = QPushButton("Add class", self)
        self._add.setToolTip(plain_tip(ADD_TIP))
        self._add.clicked.connect(self._on_add_clicked)
        self._lay_out()
        self.set_value((BACKGROUND,))

    def value(self) -> tuple[ClassSpec, ...]:
        """The classes with their names as they are typed."""
        typed = [
            item.model_copy(update={"name": edit.text().strip()})
            for item, edit in zip(self._own, self._edits, strict=True)
        ]
        return (*self._fixed, *typed)

    def set_value(self, classes: Sequence[ClassSpec], fixed: int = 1) -> None:
        """Show these classes; the names of the first `fixed` are not changed."""
        if tuple(classes) == self.value() and fixed == len(self._fixed):
            return
        self._fixed = tuple(classes[:fixed])
        self._own = list(classes[fixed:])
        self._show()
        self.value_changed.emit()

    def problem(self) -> str:
        """Why these classes can not be learnt, in one sentence; empty where they can."""
        names = [item.name for item in self.value()]
        if not all(names):
            return NO_NAME
        twice = next((name for name in names if names.count(name) > 1), "")
        return TWICE.format(twice) if twice else ""

    def fields(self) -> list[QWidget]:
        """What can be changed, from top to bottom."""
        return [self._add, *self._edits]

    def _show(self) -> None:
        self._legend.set_classes(self._fixed)
        for row in self._rows:
            self._layout.removeWidget(row)
            row.hide()
            row.deleteLater()
        self._edits = []
        self._rows = []
        for number, item in enumerate(self._own, len(self._fixed)):
            self._rows.append(self._make_row(number, item))
            self._layout.addWidget(self._rows[-1])
        self._add.setEnabled(len(self._fixed) + len(self._own) < MAX_CLASSES)

    def _make_row(self, number: int, item: ClassSpec) -> QWidget:
        row = QWidget(self)
        edit = QLineEdit(item.name, row)
        edit.setMaxLength(MAX_NAME)
        edit.setToolTip(plain_tip(EDIT_TIP.format(number)))
        edit.textEdited.connect(self._on_text_edited)
        self._edits.append(edit)
        layout = QHBoxLayout(row)
        layout.setContentsMargins(3, 0, 0, 0)
        layout.addWidget(make_square(item.colour, row))
        layout.addWidget(edit, 1)
        return row

    def _lay_out(self) -> None:
        title = make_label("Classes", self)
        title.setToolTip(plain_tip(TIP))
        line = QHBoxLayout()
        line.addWidget(title, 1)
        line.addWidget(self._add, 0, Qt.AlignmentFlag.AlignRight)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(4)
        self._layout.addLayout(line)
        self._layout.addWidget(self._legend)

    def _on_text_edited(self) -> None:
        self.edited.emit()
        self.value_changed.emit()

    def _on_add_clicked(self) -> None:
        classes = self.value()
        self._own = [*classes[len(self._fixed) :], new_class(classes)]
        self._show()
        self._edits[-1].selectAll()
        self._edits[-1].setFocus()
        self.class_added.emit()
        self.value_changed.emit()


def new_class(classes: Sequence[ClassSpec]) -> ClassSpec:
    """One more class, named after its number, in a colour that no other has if one is left."""
    taken = {item.colour.lower() for item in classes}
    free = [colour for colour in COLOURS if colour not in taken]
    return ClassSpec(
        name=f"class {len(classes)}",
        colour=free[0] if free else COLOURS[len(classes) % len(COLOURS)],
    )


def joined(
    parent: Sequence[ClassSpec], labels: Sequence[Sequence[ClassSpec]], found: Collection[int] = ()
) -> tuple[ClassSpec, ...]:
    """The classes of a parent, those that the labels name beyond them, and one for each label that
    was found, unless these are objects.
    """
    classes = list(parent) or [BACKGROUND]
    for own in labels:
        classes += [_free_name(item, classes) for item in own[len(classes) :]]
    highest = max(found, default=0)
    most = len(parent) + MOST_MORE if parent else MOST_FOUND
    objects = highest > most or are_objects(found, len(classes), bool(parent))
    wanted = 0 if objects else highest
    for _ in range(len(classes), max(wanted, 1) + 1):
        classes.append(new_class(classes))
    return tuple(classes)


def are_objects(found: Collection[int], classes: int, fine_tuning: bool) -> bool:
    """Whether so many labels were found, some beyond the classes, that each object seems to have a
    number of its own.
    """
    most = MOST_MORE if fine_tuning else MOST_FOUND
    return max(found, default=0) >= classes and len(set(found) - {0}) > most


def _free_name(item: ClassSpec, classes: Sequence[ClassSpec]) -> ClassSpec:
    names = {other.name for other in classes}
    return item if item.name not in names else new_class(classes)

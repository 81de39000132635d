"""What is folded away in a dock: a row for each setting that has one, in groups."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from qtpy.QtCore import Signal
from qtpy.QtWidgets import QVBoxLayout, QWidget

from napari_unet.segment.settings_fields import uses_of
from napari_unet.widgets.fields.fold import Fold
from napari_unet.widgets.fields.setting_rows import make_row

Choices = TypeVar("Choices", bound=BaseModel)
MakeRow = Callable[[FieldInfo], Any]  # gives a `SettingRow`, or a widget that has its methods


class SettingForm(QWidget, Generic[Choices]):
    """Edits the settings of a model that are declared with a row.

    A form names the model, the order of its groups, and the rows that are not made from the type of
    their setting alone.
    """

    value_changed = Signal()

    choices: type[Choices]
    groups: Sequence[str] = ()
    own_rows: ClassVar[Mapping[str, MakeRow]] = {}
    tip = ""
    indent_px = 0

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: dict[str, Any] = {}
        for name, info in self._fields():
            row = self.own_rows.get(name, make_row)(info)
            row.value_changed.connect(self.value_changed)
            self.rows[name] = row
        self._lay_out()

    def value(self) -> Choices:
        """The settings, where what is not offered is as if it had never been chosen."""
        return self._valid(
            {name: row.value() for name, row in self.rows.items() if not row.isHidden()}
        )

    def chosen(self) -> Choices:
        """What has been chosen, also where it is not offered at the moment."""
        return self._valid({name: row.value() for name, row in self.rows.items()})

    def set_value(self, choices: Choices) -> None:
        """Show these settings."""
        for name, row in self.rows.items():
            row.set_value(getattr(choices, name))

    def offer(self, name: str, offered: bool) -> None:
        """Show the row of a setting, or hide it where it has no meaning."""
        self.rows[name].setVisible(offered)

    def expand(self) -> None:
        """Unfold without animation."""
        self._fold.expand(animate=False)

    def _fields(self) -> list[tuple[str, FieldInfo]]:
        """The settings that have a row, group by group, in the order of their declaration; groups
        that the form does not name come last.
        """
        fields = [
            (name, info, uses_of(info).row) for name, info in self.choices.model_fields.items()
        ]
        groups = dict.fromkeys([*self.groups, *(group for _, _, group in fields if group)])
        return [(name, info) for group in groups for name, info, own in fields if own == group]

    def _valid(self, values: Mapping[str, Any]) -> Choices:
        return self.choices.model_validate(values)

    def _lay_out(self) -> None:
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(self.indent_px, 0, 0, 0)
        for row in self.rows.values():
            inner.addWidget(row)
        self._fold = Fold("Options", self.tip, content, self)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(self._fold)

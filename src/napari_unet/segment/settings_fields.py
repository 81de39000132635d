"""How a setting is declared: once, in a field of a pydantic model; all else follows from it.

A field gives the option of the command line, the row of a dock's form, what is remembered between
sessions, the property of napari's preferences, and the record in the result. pydantic alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from types import NoneType
from typing import Annotated, Any, Literal, TypedDict, Unpack, get_args, get_origin

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

Kind = Literal["flag", "word", "whole", "number", "text", "list"]
SettingPath = tuple[str, ...]

KINDS: dict[Any, Kind] = {bool: "flag", int: "whole", float: "number", str: "text"}


@dataclass(frozen=True)
class Uses:
    """Where a setting appears, besides the command line and the record of the result.

    main: among the options that `--help` lists; the others are given by `--set`.
    remembered: kept from one session of the window to the next.
    row: which group of a dock's options has a row for it; "" for none.
    choices: what the row shows for each value, where that is not the value itself.
    hint: what the window's tooltip adds to the description.
    """

    main: bool = False
    remembered: bool = False
    row: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""


class Declared(TypedDict, total=False):
    """What a setting may be declared with: its uses, and the limits that pydantic checks."""

    main: bool
    remembered: bool
    row: str
    choices: Mapping[str, str]
    hint: str
    ge: float
    gt: float
    le: float
    lt: float
    max_length: int


def setting(default: Any, title: str, description: str, **declared: Unpack[Declared]) -> Any:
    """A field of a settings model, with all that is said of it anywhere."""
    given: dict[str, Any] = dict(declared)
    uses = {each.name: given.pop(each.name) for each in fields(Uses) if each.name in given}
    return Field(default, title=title, description=description, json_schema_extra=uses, **given)


def uses_of(info: FieldInfo) -> Uses:
    """Where a setting appears."""
    extra = info.json_schema_extra
    return Uses(**extra) if isinstance(extra, dict) else Uses()  # type: ignore[arg-type]


def tip_of(info: FieldInfo) -> str:
    """What the window says about a setting."""
    return f"{info.description or ''} {uses_of(info).hint}".strip()


@dataclass(frozen=True)
class Shape:
    """What values a setting takes; `low` and `high` are excluded where they are `open`, `items` are
    those of a list.
    """

    kind: Kind
    optional: bool = False
    words: tuple[str, ...] = ()
    items: Kind = "text"
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False


def shape_of(info: FieldInfo) -> Shape:
    """What values a setting takes, by its type and limits."""
    parts = get_args(info.annotation)
    optional = NoneType in parts
    inner = next(part for part in parts if part is not NoneType) if optional else info.annotation
    if get_origin(inner) is Literal:
        return Shape("word", optional, get_args(inner))
    if get_origin(inner) is tuple:
        return Shape("list", optional, items=KINDS[_plain(get_args(inner)[0])])
    bounds = {
        name: getattr(limit, name)
        for limit in info.metadata
        for name in ("ge", "gt", "le", "lt")
        if hasattr(limit, name)
    }
    return Shape(
        KINDS[inner],
        optional,
        low=bounds.get("gt", bounds.get("ge")),
        high=bounds.get("lt", bounds.get("le")),
        low_open="gt" in bounds,
        high_open="lt" in bounds,
    )


def _plain(annotation: Any) -> Any:
    """A type without the limits it is annotated with."""
    return get_args(annotation)[0] if get_origin(annotation) is Annotated else annotation


def all_fields(settings: type[BaseModel]) -> dict[SettingPath, FieldInfo]:
    """The fields of settings and of the settings within them, by the names that lead to them."""
    found: dict[SettingPath, FieldInfo] = {}
    for name, info in settings.model_fields.items():
        inner = info.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            found |= {(name, *path): part for path, part in all_fields(inner).items()}
        else:
            found[name,] = info
    return found

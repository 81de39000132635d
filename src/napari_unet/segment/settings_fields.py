"""How a setting is declared: once, in a field of a pydantic model; all else follows from it.

A field gives the option of the command line, the row of a dock's form, what is remembered between
sessions, the property of napari's preferences, and the record in the result. Here is also how
people write settings, `NAME=VALUE`, and what is said of wrong ones. pydantic alone. It stands in
the lowest room that has settings; trainings, the command line and the window use it from above.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from types import NoneType
from typing import Annotated, Any, Literal, TypedDict, Unpack, get_args, get_origin

from pydantic import BaseModel, Field, ValidationError
from pydantic.fields import FieldInfo

from napari_unet.errors import SettingsError

ValueKind = Literal["flag", "word", "whole", "number", "text", "list"]
SettingPath = tuple[str, ...]

KINDS: dict[Any, ValueKind] = {bool: "flag", int: "whole", float: "number", str: "text"}
NONE = "none"  # how people write the value of a setting that may be None
SUGGESTIONS = 3
TYPES = {"flag": "true or false", "whole": "a whole number", "number": "a number", "text": "text"}
LISTS = {"flag": "true or false", "whole": "whole numbers", "number": "numbers", "text": "words"}


@dataclass(frozen=True)
class Uses:
    """Where a setting appears, besides the command line and the record of the result.

    main: among the options that `--help` lists; the others are given by `--set`.
    remembered: kept from one session of the window to the next.
    row: which group of a dock's options has a row for it; "" for none.
    choices: what the row shows for each value, where that is not the value itself.
    hint: what the window's tooltip adds to the description.
    former_name: the name by which it is still read, from files and commands of before; "" for none.
    """

    main: bool = False
    remembered: bool = False
    row: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    hint: str = ""
    former_name: str = ""


class Declared(TypedDict, total=False):
    """What a setting may be declared with: its uses, and the limits that pydantic checks."""

    main: bool
    remembered: bool
    row: str
    choices: Mapping[str, str]
    hint: str
    former_name: str
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

    kind: ValueKind
    optional: bool = False
    words: tuple[str, ...] = ()
    items: ValueKind = "text"
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


def name_of(path: SettingPath) -> str:
    """The name of a setting as it is given: `augment.gamma`."""
    return ".".join(path)


def allowed(info: FieldInfo) -> str:
    """What values a setting takes, in words: "a whole number from 16 to 8192, or none"."""
    shape = shape_of(info)
    if shape.kind == "word":
        text = " or ".join([", ".join(shape.words[:-1]), shape.words[-1]])
    elif shape.kind == "list":
        text = f"{LISTS[shape.items]}, with commas between them"
    else:
        text = f"{TYPES[shape.kind]}{_limits(shape)}"
    return f"{text}, or {NONE}" if shape.optional else text


def _limits(shape: Shape) -> str:
    low = None if shape.low is None else _number(shape.low)
    high = None if shape.high is None else _number(shape.high)
    if low and high and not (shape.low_open or shape.high_open):
        return f" from {low} to {high}"
    words = [f"{'above' if shape.low_open else 'from'} {low}"] if low else []
    words += [f"{'below' if shape.high_open else 'at most'} {high}"] if high else []
    return f" {', '.join(words)}" if words else ""


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"


def parse(settings: type[BaseModel], words: Iterable[str]) -> dict[SettingPath, Any]:
    """The values of words such as "augment.gamma=1.2", not yet checked; the last of a name counts.

    Raises `SettingsError` for words of another form and names that there are not.
    """
    found = all_fields(settings)
    values: dict[SettingPath, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise SettingsError(
                f"expected NAME=VALUE, such as {name_of(next(iter(found)))}=…; got {word!r}."
            )
        path = _present_path(tuple(name.strip().replace("-", "_").split(".")), found)
        if path not in found:
            raise SettingsError(_unknown(name.strip(), [name_of(known) for known in found]))
        values[path] = value_of(text.strip(), found[path])
    return values


def _present_path(path: SettingPath, known: Mapping[SettingPath, FieldInfo]) -> SettingPath:
    """The path of a setting that may be given by a former name."""
    former = {
        (*here[:-1], uses_of(info).former_name): here
        for here, info in known.items()
        if uses_of(info).former_name
    }
    return former.get(path, path)


def with_present_names(settings: type[BaseModel], given: Any) -> Any:
    """What a settings model is given, with former names of its fields replaced."""
    if not isinstance(given, Mapping):
        return given
    names = {uses_of(info).former_name: name for name, info in settings.model_fields.items()}
    return {names.get(name, name): value for name, value in given.items()}


def value_of(text: str, info: FieldInfo) -> Any:
    """The value that a text stands for; pydantic reads and checks all but none and lists."""
    shape = shape_of(info)
    if shape.optional and text.lower() == NONE:
        return None
    return tuple(text.split(",")) if shape.kind == "list" else text


def _unknown(name: str, known: Sequence[str]) -> str:
    """A sentence with the names that may have been meant."""
    wanted = name.replace("-", "_")
    last = wanted.rpartition(".")[2]
    same = [one for one in known if one.rpartition(".")[2] == last or one.startswith(f"{wanted}.")]
    near = list(dict.fromkeys([*same, *get_close_matches(wanted, known, SUGGESTIONS)]))
    hint = f"; did you mean {' or '.join(near[:SUGGESTIONS])}?" if near else "."
    return f"there is no setting {name!r}{hint} --help-all lists them all."


def nested(values: dict[SettingPath, Any]) -> dict[str, Any]:
    """Values by the names that lead to them, as a model takes them."""
    given: dict[str, Any] = {}
    for path, value in values.items():
        inner = given
        for name in path[:-1]:
            inner = inner.setdefault(name, {})
        inner[path[-1]] = value
    return given


def refusal(settings: type[BaseModel], error: ValidationError) -> tuple[SettingPath, str]:
    """Which setting was refused first, () for several together, and the reason in words."""
    first = error.errors()[0]
    path = tuple(part for part in first["loc"] if isinstance(part, str))
    info = all_fields(settings).get(path)
    if info is None:
        return (), f"{first['msg'].removeprefix('Value error, ')}."
    return path, f"expected {allowed(info)}; got {first['input']!r}."

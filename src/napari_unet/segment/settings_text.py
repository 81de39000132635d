"""Settings as people write them, `NAME=VALUE`, and what is said of them. pydantic alone."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from napari_unet.errors import SettingsError
from napari_unet.segment.settings_fields import SettingPath, Shape, all_fields, shape_of

NONE = "none"  # how a setting that may be None is given as such
SUGGESTIONS = 3
TYPES = {"flag": "true or false", "whole": "a whole number", "number": "a number", "text": "text"}
LISTS = {"flag": "true or false", "whole": "whole numbers", "number": "numbers", "text": "words"}

Settings = TypeVar("Settings", bound=BaseModel)


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
        path = tuple(name.strip().replace("-", "_").split("."))
        if path not in found:
            raise SettingsError(_unknown(name.strip(), [name_of(known) for known in found]))
        values[path] = value_of(text.strip(), found[path])
    return values


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

"""Settings as command-line options: every field of a pydantic model is an option of the same name."""

import dataclasses
import inspect
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

Command = Callable[..., None]
Settings = TypeVar("Settings", bound=BaseModel)


def with_options(arguments: type, settings: type[BaseModel]) -> Callable[[Command], Command]:
    """Turn a function of (arguments, settings) into one whose parameters are the fields of both.

    `arguments` is a dataclass with typer's annotations; `settings` brings its own descriptions, and
    its validation, which is reported as wrong usage. Settings within settings are options with both
    names: `rotation_deg` of `augment` is --augment-rotation-deg.
    """
    fields = flat_fields(settings)
    parameters = [
        *_of_dataclass(arguments),
        *(_of_field("_".join(path), field) for path, field in fields.items()),
    ]

    def wrap(command: Command) -> Command:
        def run(**given: Any) -> None:
            own = _nested(
                {path: _value(given.pop("_".join(path)), field) for path, field in fields.items()}
            )
            command(arguments(**given), validated(settings, own))

        return _as_command(run, command, parameters)

    return wrap


def with_arguments(arguments: type) -> Callable[[Command], Command]:
    """Turn a function of one dataclass with typer's annotations into one whose parameters are its
    fields.
    """

    def wrap(command: Command) -> Command:
        def run(**given: Any) -> None:
            command(arguments(**given))

        return _as_command(run, command, _of_dataclass(arguments))

    return wrap


def _as_command(run: Command, command: Command, parameters: list[inspect.Parameter]) -> Command:
    """`run` with the name and help of `command`, and the parameters that typer is to see."""
    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def option_name(field: str) -> str:
    """The option of a field: `tile_px` is --tile-px."""
    return "--" + field.replace("_", "-")


def _of_dataclass(arguments: type) -> list[inspect.Parameter]:
    hints = get_type_hints(arguments, include_extras=True)
    return [
        _parameter(field.name, hints[field.name], field.default)
        for field in dataclasses.fields(arguments)
    ]


def _of_field(name: str, field: FieldInfo) -> inspect.Parameter:
    option = typer.Option(option_name(name) + _no_form(name, field), help=field.description)
    return _parameter(name, Annotated[_plain(field.annotation), option], field.default)


def _no_form(name: str, field: FieldInfo) -> str:
    return f"/--no-{name.replace('_', '-')}" if field.annotation is bool else ""


def flat_fields(settings: type[BaseModel]) -> dict[tuple[str, ...], FieldInfo]:
    """The fields of settings and of the settings within them, by the names that lead to them."""
    fields: dict[tuple[str, ...], FieldInfo] = {}
    for name, field in settings.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            fields |= {(name, *path): part for path, part in flat_fields(inner).items()}
        else:
            fields[name,] = field
    return fields


def _nested(values: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for path, value in values.items():
        place = given
        for name in path[:-1]:
            place = place.setdefault(name, {})
        place[path[-1]] = value
    return given


def _value(value: Any, field: FieldInfo) -> Any:
    """What was given; several numbers are written with commas between them."""
    return (
        tuple(value.split(",")) if isinstance(value, str) and _is_tuple(field.annotation) else value
    )


def _is_tuple(annotation: Any) -> bool:
    return any(get_origin(part) is tuple for part in (annotation, *get_args(annotation)))


def _plain(annotation: Any) -> Any:
    """A type that the command line knows; a choice of words is a word, checked by the settings
    themselves.
    """
    parts = get_args(annotation)
    if NoneType in parts:
        (inner,) = (part for part in parts if part is not NoneType)
        return _plain(inner) | None
    if get_origin(annotation) is tuple:
        return str
    return type(parts[0]) if get_origin(annotation) is Literal else annotation


def _parameter(name: str, annotation: Any, default: Any) -> inspect.Parameter:
    empty = default is dataclasses.MISSING
    kind = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(
        name, kind, annotation=annotation, default=inspect.Parameter.empty if empty else default
    )


def validated(settings: type[Settings], given: dict[str, Any]) -> Settings:
    """Settings of what was given; what they refuse is wrong usage."""
    try:
        return settings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = (
            option_name("_".join(str(part) for part in first["loc"] if isinstance(part, str)))
            if first["loc"]
            else "the settings"
        )
        raise typer.BadParameter(f"{option}: {first['msg']}; got {first['input']!r}.") from error

"""Settings as command-line options: every field of a pydantic model is an option of the same name,
and can be given by --set; `--help` lists the main ones.
"""

import dataclasses
import inspect
from collections.abc import Callable
from types import NoneType
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from napari_unet.errors import SettingsError
from napari_unet.segment.settings_fields import (
    NONE,
    SettingPath,
    all_fields,
    allowed,
    name_of,
    nested,
    parse,
    refusal,
    shape_of,
    uses_of,
    value_of,
)

Command = Callable[..., None]
Settings = TypeVar("Settings", bound=BaseModel)

SET_HELP = "Any setting by its name, as often as needed; --help-all lists the names."
ALL_HELP = "Show this message and all settings with what they take, and exit."
SETTINGS = (
    "Settings, each given as --set NAME=VALUE; those that are none are chosen for the data, or "
    "limit nothing"
)


def with_options(arguments: type, settings: type[BaseModel]) -> Callable[[Command], Command]:
    """Turn a function of (arguments, settings) into one whose parameters are the fields of both.

    `arguments` is a dataclass with typer's annotations; `settings` brings its own descriptions, and
    its validation, which is reported as wrong usage. Settings within settings are options with both
    names: `rotation_deg` of `augment` is --augment-rotation-deg, or --set augment.rotation_deg.
    """
    fields = all_fields(settings)
    parameters = [
        *_of_dataclass(arguments),
        *(_of_field(path, info) for path, info in fields.items()),
        _set_parameter(),
        _help_all_parameter(fields),
    ]

    def wrap(command: Command) -> Command:
        def run(set_values: list[str] | None, help_all: bool, **given: Any) -> None:
            values = {path: given.pop("_".join(path)) for path in fields}
            chosen = _with_set(settings, values, set_values or [])
            command(arguments(**given), chosen)

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


def validated(settings: type[Settings], given: dict[str, Any]) -> Settings:
    """Settings of what was given; what they refuse is wrong usage."""
    return _checked(settings, nested({(name,): value for name, value in given.items()}), set())


def option_name(path: SettingPath) -> str:
    """The option of a field: `tile_px` is --tile-px."""
    return "--" + "-".join(path).replace("_", "-")


def _with_set(
    settings: type[Settings], options: dict[SettingPath, Any], words: list[str]
) -> Settings:
    """Settings of what the options and --set say; one that both name is wrong usage."""
    fields = all_fields(settings)
    try:
        from_set = parse(settings, words)
    except SettingsError as error:
        raise typer.BadParameter(f"--set: {error}") from error
    for path in from_set:
        if options[path] != fields[path].default:
            raise typer.BadParameter(
                f"--set {name_of(path)}: it is given by {option_name(path)} too. Give one of them."
            )
    values = {path: _value(value, fields[path]) for path, value in options.items()}
    return _checked(settings, nested(values | from_set), set(from_set))


def _checked(
    settings: type[Settings], given: dict[str, Any], from_set: set[SettingPath]
) -> Settings:
    try:
        return settings(**given)
    except ValidationError as error:
        path, reason = refusal(settings, error)
        name = f"--set {name_of(path)}" if path in from_set else option_name(path)
        raise typer.BadParameter(f"{name if path else 'The settings'}: {reason}") from error


def _value(value: Any, info: FieldInfo) -> Any:
    """What an option was given; several numbers are written with commas between them."""
    is_list = isinstance(value, str) and shape_of(info).kind == "list"
    return value_of(value, info) if is_list else value


def _as_command(run: Command, command: Command, parameters: list[inspect.Parameter]) -> Command:
    """`run` with the name and help of `command`, and the parameters that typer is to see."""
    run.__name__ = command.__name__
    run.__doc__ = command.__doc__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _of_dataclass(arguments: type) -> list[inspect.Parameter]:
    hints = get_type_hints(arguments, include_extras=True)
    return [
        _parameter(field.name, hints[field.name], field.default)
        for field in dataclasses.fields(arguments)
    ]


def _of_field(path: SettingPath, info: FieldInfo) -> inspect.Parameter:
    name = option_name(path)
    both = f"{name}/--no-{name.removeprefix('--')}" if info.annotation is bool else name
    names = [both, *_former_option(path, uses_of(info).former_name)]
    option = typer.Option(*names, help=info.description, hidden=not uses_of(info).main)
    return _parameter("_".join(path), Annotated[_plain(info.annotation), option], info.default)


def _former_option(path: SettingPath, former_name: str) -> list[str]:
    return [option_name((*path[:-1], former_name))] if former_name else []


def _set_parameter() -> inspect.Parameter:
    option = typer.Option("--set", metavar="NAME=VALUE", help=SET_HELP)
    return _parameter("set_values", Annotated[list[str] | None, option], None)


def _help_all_parameter(fields: dict[SettingPath, FieldInfo]) -> inspect.Parameter:
    def show(context: typer.Context, wanted: bool) -> None:
        if not wanted:
            return
        formatter = context.make_formatter()
        with formatter.section(SETTINGS):
            formatter.write_dl([(name_of(path), _line(info)) for path, info in fields.items()])
        typer.echo(f"{context.get_help()}\n\n{formatter.getvalue().rstrip()}")
        raise typer.Exit

    option = typer.Option("--help-all", callback=show, is_eager=True, help=ALL_HELP)
    return _parameter("help_all", Annotated[bool, option], False)


def _line(info: FieldInfo) -> str:
    default = NONE if info.default is None else str(info.default).lower()
    return f"{info.description} Takes {allowed(info)}. [default: {default}]"


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

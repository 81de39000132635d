"""Every setting is an option of the same name, with the same default and description."""

from typing import Annotated

import pytest
import typer
from pydantic import BaseModel, Field

from helpers.command_line import Command
from napari_unet.cli.app import app
from napari_unet.cli.arguments import SegmentArguments, TrainArguments
from napari_unet.cli.options import flat_fields, option_name, with_options
from napari_unet.learn.settings import TrainSettings
from napari_unet.segment.settings import SegmentSettings


def options_of(command: str) -> dict[str, typer.core.TyperOption]:
    group = typer.main.get_command(app)
    found = group.commands[command].params  # type: ignore[attr-defined]
    return {param.name: param for param in found if isinstance(param, typer.core.TyperOption)}


@pytest.mark.parametrize("name", SegmentSettings.model_fields)
def test_every_setting_is_an_option(name: str) -> None:
    option = options_of("segment")[name]
    field = SegmentSettings.model_fields[name]
    assert option_name(name) in option.opts
    assert option.default == field.default
    assert option.help == field.description


def test_every_option_is_a_setting_or_an_argument() -> None:
    known = {*SegmentSettings.model_fields, *SegmentArguments.__dataclass_fields__, "help"}
    assert set(options_of("segment")) <= known


def test_settings_within_settings_are_options_too() -> None:
    options = options_of("train")
    for path, field in flat_fields(TrainSettings).items():
        option = options["_".join(path)]
        assert option_name("_".join(path)) in option.opts
        assert option.default == field.default
        assert option.help == field.description
    known = {
        *("_".join(path) for path in flat_fields(TrainSettings)),
        *TrainArguments.__dataclass_fields__,
        "help",
    }
    assert set(options) <= known


def test_several_numbers_are_written_with_commas() -> None:
    from dataclasses import make_dataclass

    from typer.testing import CliRunner

    class Settings(BaseModel):
        sides: tuple[int, ...] | None = Field(None, description="Sides.")

    seen = []
    small = typer.Typer()
    small.command()(
        with_options(make_dataclass("Arguments", []), Settings)(
            lambda given, settings: seen.append(settings.sides)
        )
    )
    assert [
        CliRunner().invoke(small, words).exit_code
        for words in ([], ["--sides", "4,5"], ["--sides", "x"])
    ] == [0, 0, 2]
    assert seen == [None, (4, 5)]


def test_help_names_every_option(run: Command) -> None:
    said = run("segment", "--help").out
    assert all(option_name(name) in said for name in SegmentSettings.model_fields)
    assert "--json" in said


def test_no_words_show_the_commands(run: Command) -> None:
    ran = run()
    assert all(
        command in ran.out + ran.err for command in ("segment", "train", "models", "doctor", "demo")
    )
    assert run("--version").out.startswith("napari-unet-loop ")


def test_a_new_setting_becomes_an_option_by_itself() -> None:
    from dataclasses import make_dataclass

    from typer.testing import CliRunner

    class Settings(BaseModel):
        speed_um: float = Field(1.5, gt=0, description="How fast.")

    arguments = make_dataclass("Arguments", [("name", Annotated[str, typer.Option()])])
    seen = []
    small = typer.Typer()
    small.command()(
        with_options(arguments, Settings)(
            lambda given, settings: seen.append((given.name, settings.speed_um))
        )
    )
    assert CliRunner().invoke(small, ["--name", "x", "--speed-um", "3"]).exit_code == 0
    assert CliRunner().invoke(small, ["--name", "x", "--speed-um", "-3"]).exit_code == 2
    assert seen == [("x", 3.0)]

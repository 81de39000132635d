"""Every setting is an option of the same name, with the same default and description."""

from dataclasses import make_dataclass
from typing import Annotated, Literal

import pytest
import typer
from pydantic import BaseModel, Field
from typer.testing import CliRunner

from helpers.command_line import Command
from napari_unet.cli.app import app
from napari_unet.cli.arguments import SegmentArguments, TrainArguments
from napari_unet.cli.options import option_name, with_options
from napari_unet.learn.settings import TrainSettings
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.settings_fields import all_fields, allowed, name_of, setting, uses_of


def options_of(command: str) -> dict[str, typer.core.TyperOption]:
    group = typer.main.get_command(app)
    found = group.commands[command].params  # type: ignore[attr-defined]
    return {param.name: param for param in found if isinstance(param, typer.core.TyperOption)}


MODELS = {"segment": SegmentSettings, "train": TrainSettings}
SETTINGS = [(command, path) for command, model in MODELS.items() for path in all_fields(model)]
BESIDE = {"set_values", "help_all", "help"}


@pytest.mark.parametrize(("command", "path"), SETTINGS, ids=lambda given: str(given))
def test_every_setting_is_an_option(command: str, path: tuple[str, ...]) -> None:
    option = options_of(command)["_".join(path)]
    info = all_fields(MODELS[command])[path]
    assert option_name(path) in option.opts
    assert option.default == info.default
    assert option.help == info.description
    assert option.hidden == (not uses_of(info).main)


@pytest.mark.parametrize(
    ("command", "arguments"), [("segment", SegmentArguments), ("train", TrainArguments)]
)
def test_every_option_is_a_setting_or_an_argument(command: str, arguments: type) -> None:
    settings = {"_".join(path) for path in all_fields(MODELS[command])}
    assert set(options_of(command)) <= {*settings, *arguments.__dataclass_fields__, *BESIDE}


def test_several_numbers_are_written_with_commas() -> None:
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


def test_help_names_what_people_choose(run: Command) -> None:
    said = run("segment", "--help").out
    assert all(option_name((name,)) in said for name in SegmentSettings.model_fields)
    assert "--json" in said
    said = run("train", "--help").out
    listed = {word for word in said.split() if word.startswith("--")}
    assert {"--minutes", "--steps", "--seed", "--device", "--from", "--set", "--resume"} <= listed
    assert len(listed) <= 22
    assert "--learning-rate" not in said


def test_help_all_lists_every_setting_with_what_it_takes(run: Command) -> None:
    said = " ".join(run("train", "--help-all").out.split())
    for path, info in all_fields(TrainSettings).items():
        assert f" {name_of(path)} {info.description} Takes {allowed(info)}. [default: " in said
    assert "--minutes" in said


class Seen(BaseModel):
    """Settings of every type, and settings within them."""

    class Inner(BaseModel):
        gamma: float = setting(1.5, "Gamma", "How bent.", ge=1, le=4)

    speed: float = setting(1.0, "Speed", "How fast.", main=True, gt=0)
    batch: int | None = setting(None, "Batch", "How many.", ge=1, le=256)
    sides: tuple[int, ...] | None = setting(None, "Sides", "How long.")
    loud: bool = setting(False, "Loud", "How loud.")
    loss: Literal["sum", "dice"] = setting("sum", "Loss", "Which one.")
    images: int = setting(0, "Images", "How many.", former_name="pictures")
    inner: Inner = Inner()


def seen_by(*words: str) -> tuple[Seen | None, str]:
    """The settings that a command gets from these words, and what it says of wrong ones."""
    found: list[Seen] = []
    small = typer.Typer()
    take = with_options(make_dataclass("Arguments", []), Seen)
    small.command()(take(lambda given, settings: found.append(settings)))
    ended = CliRunner().invoke(small, list(words))
    assert ended.exit_code == (0 if found else 2), ended.output
    return (found[0] if found else None), " ".join(ended.output.replace("│", " ").split())


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        ("batch=8", {"batch": 8}),
        ("batch = 8", {"batch": 8}),
        ("batch=none", {}),
        ("sides=4,5", {"sides": (4, 5)}),
        ("loud=true", {"loud": True}),
        ("loss=dice", {"loss": "dice"}),
        ("inner.gamma=2.5", {"inner": {"gamma": 2.5}}),
        ("speed=1e-3", {"speed": 0.001}),
        ("pictures=3", {"images": 3}),
    ],
)
def test_set_gives_any_setting(words: str, settings: dict[str, object]) -> None:
    assert seen_by("--set", words)[0] == Seen.model_validate(settings)


def test_set_may_be_repeated_and_the_last_of_a_name_holds() -> None:
    words = ("--set", "batch=8", "--set", "loss=dice", "--set", "batch=9", "--speed", "2")
    assert seen_by(*words)[0] == Seen(batch=9, loss="dice", speed=2)


@pytest.mark.parametrize(
    ("words", "settings"),
    [
        (("--batch", "8"), {"batch": 8}),
        (("--inner-gamma", "2"), {"inner": {"gamma": 2}}),
        (("--loud",), {"loud": True}),
        (("--pictures", "3"), {"images": 3}),
        (("--no-loud", "--sides", "1,2"), {"sides": (1, 2)}),
    ],
)
def test_options_that_help_does_not_list_are_taken(
    words: tuple[str, ...], settings: dict[str, object]
) -> None:
    assert seen_by(*words)[0] == Seen.model_validate(settings)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (
            ("--set", "batch=0"),
            "--set batch: expected a whole number from 1 to 256, or none; got '0'",
        ),
        (("--batch", "0"), "--batch: expected a whole number from 1 to 256, or none; got 0"),
        (("--set", "loss=mine"), "--set loss: expected sum or dice; got 'mine'"),
        (("--set", "sides=4,x"), "--set sides: expected whole numbers, with commas between them"),
        (("--set", "speed=0"), "--set speed: expected a number above 0; got '0'"),
        (("--set", "inner.gamma=9"), "--set inner.gamma: expected a number from 1 to 4; got '9'"),
        (("--set", "speed"), "--set: expected NAME=VALUE, such as speed=…; got 'speed'"),
        (("--set", "bach=3"), "--set: there is no setting 'bach'; did you mean batch?"),
        (("--set", "gamma=3"), "--set: there is no setting 'gamma'; did you mean inner.gamma?"),
        (("--set", "xyz=3"), "--set: there is no setting 'xyz'. --help-all lists them all."),
        (("--batch", "8", "--set", "batch=9"), "--set batch: it is given by --batch too."),
    ],
)
def test_what_can_not_be_is_wrong_usage(words: tuple[str, ...], sentence: str) -> None:
    found, said = seen_by(*words)
    assert found is None
    assert sentence in said


def test_settings_that_exclude_each_other_are_wrong_usage(run: Command) -> None:
    needed = ("--image", "a", "--labels", "b", "--output", "c")
    ran = run("train", *needed, "--minutes", 1, "--set", "steps=3")
    assert ran.code == 2
    assert "The settings: give either minutes or steps" in " ".join(ran.err.split())


def test_no_words_show_the_commands(run: Command) -> None:
    ran = run()
    assert all(
        command in ran.out + ran.err for command in ("segment", "train", "models", "doctor", "demo")
    )
    assert run("--version").out.startswith("napari-unet-loop ")


def test_a_new_setting_becomes_an_option_by_itself() -> None:
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

"""What is remembered of the form, and what comes back."""

from pathlib import Path

import pytest

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.devices import Device
from napari_unet.model.library import save_model
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.form import SegmentForm
from napari_unet.widgets.segment.remembered import DEFAULT, choices_of, show_choices


def put_model(folder: Path, name: str) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.safetensors"
    save_model(tiny_model(tiny_spec().model_copy(update={"name": name})), path)
    return path


@pytest.fixture
def form(qtbot, tmp_path, monkeypatch) -> SegmentForm:
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path / "own"))
    monkeypatch.setattr("napari_unet.model.library.BUILTIN_FOLDER", tmp_path / "builtin")
    for name in ("axons", DEFAULT):
        put_model(tmp_path / "builtin", name)
    made = SegmentForm()
    qtbot.addWidget(made)
    return made


def test_a_model_with_the_name_of_a_builtin_one_comes_back_itself(form, tmp_path):
    path = put_model(tmp_path / "own", "axons")
    show_choices(form, SegmentChoices())
    form.model.set_value(str(path))
    choices = choices_of(form)
    assert show_choices(form, SegmentChoices()) == ""
    assert form.model.value().name == DEFAULT
    assert show_choices(form, choices) == ""
    assert form.model.value().path == path


def test_a_builtin_model_is_remembered_by_its_name(form):
    assert show_choices(form, SegmentChoices(model="axons")) == ""
    assert choices_of(form).model == "axons"


def test_a_file_from_elsewhere_comes_back(form, tmp_path):
    path = put_model(tmp_path / "elsewhere", "mine")
    assert show_choices(form, SegmentChoices(model=str(path))) == ""
    assert choices_of(form).model == str(path)


@pytest.mark.parametrize("wanted", ["mine", "/nowhere/mine.safetensors"])
def test_a_model_that_is_gone_is_replaced_by_the_default_and_said(form, wanted):
    assert (
        show_choices(form, SegmentChoices(model=wanted))
        == f"The model mine is gone; {DEFAULT} is chosen."
    )
    assert form.model.value().name == DEFAULT


def test_a_device_that_is_not_there_today_is_not_forgotten(form):
    show_choices(form, SegmentChoices(device="cuda"))
    form.device.set_devices([Device("cpu", "Processor")])
    assert form.device.value() == "auto"
    assert choices_of(form).device == "cuda"


def test_the_other_choices_come_back(form):
    mine = SegmentChoices(
        model="axons",
        resample=False,
        region_in_view_only=True,
        keep_probabilities=True,
        engine="torch",
        precision="half",
        halo="measured",
    )
    show_choices(form, mine)
    assert choices_of(form) == mine

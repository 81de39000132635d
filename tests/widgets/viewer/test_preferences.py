from pathlib import Path

import pytest
from npe2 import PluginManifest

from helpers.source_tree import ROOT
from napari_unet.widgets.viewer.preferences import PLUGIN, Choices, remember, remembered

pytestmark = pytest.mark.usefixtures("plugin_settings")


@pytest.fixture
def _registered(npe2pm) -> None:
    npe2pm.register(PluginManifest.from_file(ROOT / "napari.yaml"))


def test_without_the_plugin_nothing_is_remembered():
    remember(Choices(model="mine"))
    assert remembered() == Choices()


@pytest.mark.usefixtures("_registered")
def test_the_defaults_are_those_of_the_manifest():
    assert remembered() == Choices()


@pytest.mark.usefixtures("_registered")
def test_choices_are_kept_on_disk(tmp_path: Path):
    mine = Choices("mine", "cpu", False, True, True, True, "torch")
    remember(mine)
    assert remembered() == mine
    assert "model: mine" in (tmp_path / f"{PLUGIN}.yaml").read_text()


@pytest.mark.usefixtures("_registered")
def test_a_file_that_can_not_be_written_is_a_warning(tmp_path: Path, caplog):
    remembered()
    (tmp_path / f"{PLUGIN}.yaml").mkdir()
    remember(Choices(model="mine", device="cpu"))
    assert remembered() == Choices(model="mine", device="cpu")
    assert "can not be kept" in caplog.text


@pytest.mark.usefixtures("_registered")
def test_a_file_of_another_kind_is_a_warning(tmp_path: Path, caplog):
    (tmp_path / f"{PLUGIN}.yaml").write_text("- one\n- two\n")
    assert remembered() == Choices()
    assert "can not be read" in caplog.text

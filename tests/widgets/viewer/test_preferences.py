from pathlib import Path

import pytest
import yaml
from npe2 import PluginManifest

from helpers.source_tree import ROOT
from napari_unet.widgets.finetune.order import TrainChoices
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.viewer.preferences import PLUGIN, remember, remembered

pytestmark = pytest.mark.usefixtures("plugin_settings")


@pytest.fixture
def _registered(npe2pm) -> None:
    npe2pm.register(PluginManifest.from_file(ROOT / "napari.yaml"))


def test_without_the_plugin_nothing_is_remembered():
    remember(SegmentChoices(model="mine"))
    assert remembered(SegmentChoices) == SegmentChoices()


@pytest.mark.usefixtures("_registered")
def test_the_defaults_are_those_of_the_manifest():
    assert remembered(SegmentChoices) == SegmentChoices()


@pytest.mark.usefixtures("_registered")
def test_choices_are_kept_on_disk(tmp_path: Path):
    mine = SegmentChoices(
        model="mine",
        device="cpu",
        resample=False,
        current_slice_only=True,
        region_in_view_only=True,
        keep_probabilities=True,
        engine="torch",
        precision="half",
        halo="measured",
    )
    remember(mine)
    assert remembered(SegmentChoices) == mine
    assert "model: mine" in (tmp_path / f"{PLUGIN}.yaml").read_text()


@pytest.mark.usefixtures("_registered")
def test_a_file_that_can_not_be_written_is_a_warning(tmp_path: Path, caplog):
    remembered(SegmentChoices)
    (tmp_path / f"{PLUGIN}.yaml").mkdir()
    remember(SegmentChoices(model="mine", device="cpu"))
    assert remembered(SegmentChoices) == SegmentChoices(model="mine", device="cpu")
    assert "can not be saved" in caplog.text


@pytest.mark.usefixtures("_registered")
def test_a_file_of_another_kind_is_a_warning(tmp_path: Path, caplog):
    (tmp_path / f"{PLUGIN}.yaml").write_text("- one\n- two\n")
    assert remembered(SegmentChoices) == SegmentChoices()
    assert "can not be read" in caplog.text


@pytest.mark.usefixtures("_registered")
@pytest.mark.parametrize("line", ["engine: steam", "never: heard", "precision: [1]"])
def test_a_choice_that_there_is_not_leaves_the_others(tmp_path: Path, line):
    (tmp_path / f"{PLUGIN}.yaml").write_text(f"segment:\n  model: mine\n  {line}\n")
    assert remembered(SegmentChoices) == SegmentChoices(model="mine")


def test_what_the_manifest_does_not_know_is_not_remembered(npe2pm):
    text = (ROOT / "napari.yaml").read_text(encoding="utf-8").replace("precision:", "once:")
    npe2pm.register(PluginManifest(**yaml.safe_load(text)))
    remember(SegmentChoices(model="mine", precision="half"))
    assert remembered(SegmentChoices) == SegmentChoices(model="mine")


@pytest.mark.usefixtures("_registered")
def test_what_was_kept_under_a_former_name_is_read_and_kept_under_the_present_one(tmp_path: Path):
    file = tmp_path / f"{PLUGIN}.yaml"
    file.write_text("segment:\n  model: mine\n  match_pixel_size: false\n")
    found = remembered(SegmentChoices)
    assert found == SegmentChoices(model="mine", resample=False)
    remember(found)
    assert "resample: false" in file.read_text()
    assert remembered(SegmentChoices) == found


@pytest.mark.usefixtures("_registered")
def test_the_present_name_counts_more_than_a_former_one(tmp_path: Path):
    lines = "segment:\n  match_pixel_size: true\n  resample: false\n"
    (tmp_path / f"{PLUGIN}.yaml").write_text(lines)
    assert not remembered(SegmentChoices).resample


@pytest.mark.usefixtures("_registered")
def test_each_dock_has_choices_of_its_own():
    mine = TrainChoices(device="cpu", train_for=10.0, keep_what_it_knew=True, separate=True, seed=3)
    remember(mine)
    assert remembered(TrainChoices) == mine
    assert remembered(SegmentChoices) == SegmentChoices()

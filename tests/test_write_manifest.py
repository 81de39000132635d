"""The manifest's configuration is written from the choices that are declared as remembered."""

import importlib.util

import pytest
import yaml
from pydantic import BaseModel

from helpers.source_tree import ROOT
from napari_unet.segment.settings_fields import setting

SCRIPT = ROOT / "scripts" / "write_manifest.py"

pytestmark = pytest.mark.skipif(not SCRIPT.exists(), reason="needs the source tree")


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("write_manifest", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manifest_is_as_the_choices_are_declared(script):
    text = (ROOT / "napari.yaml").read_text(encoding="utf-8")
    assert text == script.manifest(text), "run .venv/bin/python scripts/write_manifest.py"


def test_what_is_before_the_configuration_stays_as_it_is(script):
    text = "name: x\ncontributions:\n  configurations:\n    outdated: {}\n"
    written = script.manifest(text)
    assert written.startswith("name: x\ncontributions:\n  configurations:\n    segment:\n")
    assert "outdated" not in written
    properties = yaml.safe_load(written)["contributions"]["configurations"]["segment"]["properties"]
    assert properties["precision"]["enum"] == ["float32", "half"]
    assert "threshold" not in properties


def test_a_choice_keeps_its_limits(script):
    class Choices(BaseModel):
        cups: int = setting(1, "Cups", "How many.", remembered=True, ge=1, lt=5)
        sugar: float | None = setting(None, "Sugar", "How sweet.", remembered=True)

    cups = script._property(Choices.model_fields["cups"])
    assert (cups["type"], cups["minimum"], cups["exclusiveMaximum"]) == ("integer", 1, 5)
    with pytest.raises(TypeError, match="Sugar"):
        script._property(Choices.model_fields["sugar"])

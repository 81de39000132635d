"""The examples of docs/where-to-add.md do what the page says."""

import re
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import indent
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from helpers.documents import PAGE, example
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.measure.metrics import Overlap
from napari_unet.model import formats as model_formats
from napari_unet.model.formats import registry as model_registry
from napari_unet.model.library import load_model, model_entry, save_model
from napari_unet.scans import formats as scan_formats
from napari_unet.scans.formats import registry as scan_registry
from napari_unet.scans.read import read_scan
from napari_unet.segment.run import segment
from napari_unet.segment.tasks.registry import TASKS

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs the source tree")


Add = Callable[[ModuleType, ModuleType, str], None]


@pytest.fixture
def add_format(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Add:
    """Take the two steps of a section of the page: a module, and a line in a table."""

    def add(package: ModuleType, registry: ModuleType, section: str) -> None:
        code = example(section)
        name = re.match(r"# [\w/]+/(\w+)\.py\n", code)
        assert name is not None
        folder = tmp_path / package.__name__
        folder.mkdir()
        (folder / f"{name[1]}.py").write_text(code, encoding="utf-8")
        monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])
        monkeypatch.delitem(sys.modules, f"{package.__name__}.{name[1]}", raising=False)
        line = eval(example(section, 1), vars(registry))
        monkeypatch.setattr(registry, "FORMATS", (*registry.FORMATS, line))

    return add


def test_a_scan_format(tmp_path: Path, add_format: Add) -> None:
    add_format(scan_formats, scan_registry, "a scan format")
    image = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    np.save(tmp_path / "image.npy", image)
    scan = read_scan(tmp_path / "image.npy", "zyx", (2.0, 0.5, 0.5))
    assert np.array_equal(scan.data[1], image[1])
    assert (scan.axes, scan.spacing) == ("zyx", (2.0, 0.5, 0.5))
    assert "NumPy" in scan_registry.names_read()


def test_a_model_format(tmp_path: Path, add_format: Add) -> None:
    add_format(model_formats, model_registry, "a model format")
    model = tiny_model(tiny_spec())
    path = save_model(model, tmp_path / "tiny.safetensors.gz")
    assert path.read_bytes()[:2] == b"\x1f\x8b"
    assert load_model(path).weights_sha256 == model.weights_sha256
    header = model_entry(path).header
    assert header is not None
    assert header.spec == model.spec


def test_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    names: dict[str, Any] = {}
    exec(example("a task"), names)
    model = tiny_model(tiny_spec(classes=3))
    image = smooth_image((32, 32))
    labels = segment(image, model)
    monkeypatch.setitem(TASKS, "semantic", names["Cautious"].of)
    certain = segment(image, model)
    assert not certain.all()
    assert (certain != labels).any()
    assert np.array_equal(certain[certain > 0], labels[certain > 0])


def test_a_metric() -> None:
    names: dict[str, Any] = {"Overlap": Overlap}
    exec("class With(Overlap):\n" + indent(example("a metric"), "    "), names)
    assert names["With"](both=2, found=4, wanted=2).f2 == pytest.approx(10 / 12)
    assert names["With"](0, 0, 0).f2 == 1

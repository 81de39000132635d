"""The examples of docs/where-to-add.md do what the page says."""

import re
import sys
from pathlib import Path
from textwrap import indent
from typing import Any

import numpy as np
import pytest

from helpers.documents import PAGE, example
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.measure.metrics import Overlap
from napari_unet.scans import formats
from napari_unet.scans.formats import registry
from napari_unet.scans.formats.registry import FORMATS, ScanFormat
from napari_unet.scans.read import read_scan
from napari_unet.segment.run import segment
from napari_unet.segment.tasks.registry import TASKS

pytestmark = pytest.mark.skipif(not PAGE.exists(), reason="needs the source tree")


@pytest.fixture
def with_npy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program after the two steps of the page: a module, and a line in the table."""
    code = example("a scan format")
    name = re.match(r"# scans/formats/(\w+)\.py\n", code)
    assert name is not None
    folder = tmp_path / "formats"
    folder.mkdir()
    (folder / f"{name[1]}.py").write_text(code, encoding="utf-8")
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(folder)])
    monkeypatch.delitem(sys.modules, f"{formats.__name__}.{name[1]}", raising=False)
    line = eval(example("a scan format", 1), {"ScanFormat": ScanFormat})
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, line))


@pytest.mark.usefixtures("with_npy")
def test_a_scan_format(tmp_path: Path) -> None:
    image = np.arange(24, dtype=np.uint16).reshape(2, 3, 4)
    np.save(tmp_path / "image.npy", image)
    scan = read_scan(tmp_path / "image.npy", "zyx", (2.0, 0.5, 0.5))
    assert np.array_equal(scan.data[1], image[1])
    assert (scan.axes, scan.spacing) == ("zyx", (2.0, 0.5, 0.5))
    assert "NumPy" in registry.names_read()


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

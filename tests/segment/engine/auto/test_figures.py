"""What is known of engines is kept by network, kind of window and machine."""

import re
from pathlib import Path

import pytest

from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.config import UNetConfig
from napari_unet.segment.engine.auto import figures
from napari_unet.segment.engine.auto.figures import Figures, figures_file
from napari_unet.segment.engine.auto.runners import Workload

NET = UNetConfig(width=4)
WORK = Workload((256, 256), 1)


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))


def known(net: UNetConfig = NET, work: Workload = WORK, precision: str = "float32") -> float | None:
    return Figures(net, work, precision).best("torch", (2, 1))  # type: ignore[arg-type]


def test_the_best_figure_is_found_again_by_a_later_run() -> None:
    here = Figures(NET, WORK, "float32")
    here.take("torch", 2, 3e-6)
    here.take("torch", 2, 9e-6)  # the machine was busy: not what it can do
    here.take("torch", 1, 5e-6)
    here.take_setup("torch", 0.5)
    assert here.measured("torch") == "just now"
    later = Figures(NET, WORK, "float32")
    assert later.best("torch", (2, 1)) == 3e-6
    assert later.voxel_seconds("torch", 1) == 5e-6
    assert later.setup_seconds("torch") == 0.5
    assert later.measured("torch").startswith("on 2")
    assert (later.best("openvino", (2, 1)), later.measured("openvino")) == (None, "")


def test_a_figure_is_believed_for_a_month() -> None:
    Figures(NET, WORK, "float32").take("torch", 2, 3e-6)
    text = figures_file().read_text()
    figures_file().write_text(re.sub(r"\d{4}-\d\d-\d\d", "2020-01-31", text))
    assert known() is None


def test_another_kind_of_window_network_or_machine_is_another_matter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Figures(NET, WORK, "float32").take("torch", 2, 3e-6)
    assert known() == known(work=Workload((250, 260), 9)) == 3e-6
    assert known(UNetConfig(width=5)) is None
    assert known(work=Workload((1024, 1024), 1)) is None
    assert known(precision="half") is None
    for name in ("processor_name", "core_count", "torch_version", "openvino_version"):
        with monkeypatch.context() as patch:
            patch.setattr(figures, name, lambda: "another")
            assert known() is None


@pytest.mark.parametrize("damage", ["", "torn {", "[1]", "null", "[" * 100_000, '{"a": {"b": 3}}'])
def test_a_damaged_file_is_as_none(damage: str) -> None:
    Figures(NET, WORK, "float32").take("torch", 2, 3e-6)
    figures_file().write_text(damage)
    assert known() is None
    Figures(NET, WORK, "float32").take("torch", 2, 4e-6)
    assert known() == 4e-6


@pytest.mark.parametrize("value", ['"fast"', "-1.0", "NaN", "1e999", "null", "true"])
def test_a_figure_that_is_none_is_left_out(value: str) -> None:
    Figures(NET, WORK, "float32").take("torch", 2, 3e-6)
    figures_file().write_text(figures_file().read_text().replace("3e-06", value))
    assert value in figures_file().read_text()
    assert known() is None

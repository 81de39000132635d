"""Which engine a run gets, by figures that are given."""

from pathlib import Path

import pytest

from napari_unet.files.cache import FOLDER_VARIABLE
from napari_unet.model.config import UNetConfig
from napari_unet.segment.engine.auto import decision
from napari_unet.segment.engine.auto.decision import Decision, decide, trial_voxels
from napari_unet.segment.engine.auto.figures import Figures
from napari_unet.segment.engine.auto.runners import Runner, Workload

RUNNERS: tuple[Runner, ...] = ("torch", "openvino")
LARGE = (1000, 1000)
SMALL = (100, 100)


@pytest.fixture(autouse=True)
def _nothing_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(decision, "TRIED_FROM_S", 0.4)
    monkeypatch.setattr(decision, "TRIAL_SHARE", 0.05)


def figures(work: Workload, **seconds: float) -> Figures:
    """Known seconds of a window of each runner, and to get ready where the name says so."""
    found = Figures(UNetConfig(width=4), work, "float32")
    for name, value in seconds.items():
        if name.endswith("_setup"):
            found.take_setup(name.removesuffix("_setup"), value)  # type: ignore[arg-type]
        else:
            found.take(name, 2, value / work.voxels)  # type: ignore[arg-type]
    return found


def decided(work: Workload, **seconds: float) -> Decision:
    return decide(RUNNERS, figures(work, **seconds), work, 2)


@pytest.mark.parametrize(("torch_s", "runner"), [(0.6, "torch"), (0.9, "openvino")])
def test_what_is_measured_to_be_faster_runs_whatever_its_name(
    torch_s: float, runner: Runner
) -> None:
    assert decided(Workload(LARGE, 1), torch=torch_s, openvino=0.87) == Decision(runner)


def test_getting_ready_counts_where_there_is_little_to_do() -> None:
    seconds = {"torch": 0.066, "openvino": 0.055, "openvino_setup": 0.2}
    assert decided(Workload(SMALL, 1), **seconds) == Decision("torch")
    assert decided(Workload(SMALL, 200), **seconds) == Decision("openvino")


def test_where_nothing_is_known_a_short_run_begins_at_once() -> None:
    assert decided(Workload(LARGE, 1)) == Decision("torch")


def test_what_is_not_known_is_tried_by_a_whole_run_if_that_takes_long_enough() -> None:
    assert decided(Workload(LARGE, 1), torch=0.6) == Decision("openvino", tries=True)
    assert decided(Workload(SMALL, 1), torch=0.05) == Decision("torch")


def test_a_long_run_measures_first_for_at_most_a_twentieth_of_its_time() -> None:
    work = Workload(LARGE, 40)
    assert decided(work) == Decision("torch", RUNNERS)
    assert decided(work, torch=0.6) == Decision("torch", ("openvino",))
    assert trial_voxels(work, 2) == work.voxels
    assert trial_voxels(Workload(LARGE, 20), 2) == work.voxels / 2
    assert trial_voxels(Workload(LARGE, 9), 2) == 0

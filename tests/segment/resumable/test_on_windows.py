"""Resumable runs where what is open can neither be renamed nor removed, as on Windows."""

import os
from pathlib import Path

import numpy as np
import pytest

from helpers.resumable import Counting, run_killed, run_parts, run_resumable, values
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from helpers.windows import act_as_windows
from napari_unet.errors import Cancelled, OutputError
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.formats.zarr_partial import partial_folder
from napari_unet.scans.scan import scan_of
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.part import Part, ResumePolicy
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings

MODEL = tiny_model(tiny_spec(classes=3))
SCAN = scan_of(smooth_image((40, 50)))
LABELS = segment(SCAN, MODEL, settings=SegmentSettings(tile_px=16, device="cpu", engine="torch"))


class Cancelling(Counting):
    """An engine in whose third tile the user cancels."""

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if self.runs == 2:
            raise Cancelled("Cancelled; nothing was kept.")
        return super().run(window, control)


@pytest.fixture(autouse=True)
def _windows(monkeypatch: pytest.MonkeyPatch) -> None:
    act_as_windows(monkeypatch)


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "a.zarr", tmp_path / "p.zarr")


def test_a_run_is_interrupted_resumed_and_replaced(outputs: Outputs, tmp_path: Path) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    assert run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True)).skipped == 3
    np.testing.assert_array_equal(values(outputs.labels), LABELS)
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(overwrite=True))
    np.testing.assert_array_equal(values(outputs.labels), LABELS)
    assert {path.name for path in tmp_path.iterdir() if path.name[0] != "."} == {"a.zarr", "p.zarr"}


def test_parts_are_done_again_and_merged(outputs: Outputs) -> None:
    run_parts(MODEL, SCAN, outputs, [2, 1])
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=Part(1, 2), overwrite=True))
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(merge=True))
    np.testing.assert_array_equal(values(outputs.labels), LABELS)


def test_cancel_leaves_nothing_that_is_seen(outputs: Outputs, tmp_path: Path) -> None:
    with pytest.raises(Cancelled):
        run_resumable(MODEL, SCAN, outputs, engine=Cancelling(MODEL))
    assert not [path for path in tmp_path.iterdir() if path.name[0] != "."]


def test_a_result_that_another_program_has_open_is_not_replaced(outputs: Outputs) -> None:
    run_resumable(MODEL, SCAN, outputs)
    chunk = next(path for path in outputs.labels.rglob("c/**/*") if path.is_file())
    with chunk.open(), pytest.raises(OutputError, match="another program has it open"):
        run_resumable(MODEL, SCAN, outputs, ResumePolicy(overwrite=True))
    np.testing.assert_array_equal(values(outputs.labels), LABELS)
    assert partial_folder(outputs.labels).exists()
    assert run_resumable(MODEL, SCAN, outputs, ResumePolicy(overwrite=True, resume=True)).complete


def test_chunks_that_a_scanner_reads_do_not_end_a_run(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = os.replace
    refused: set[str] = set()

    def replace(source: Path, target: Path) -> None:
        if "c" in Path(target).parts and str(target) not in refused:
            refused.add(str(target))
            raise PermissionError(13, "The process cannot access the file")
        real(source, target)

    monkeypatch.setattr(os, "replace", replace)
    run_resumable(MODEL, SCAN, outputs)
    np.testing.assert_array_equal(values(outputs.labels), LABELS)
    assert refused

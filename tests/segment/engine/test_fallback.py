"""Another engine takes over in the middle of a run: finished tiles stay, a note says so,
and the result names both.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from helpers.failing import BOTH, NOTE, TORCH, Failing, broken, failing_over, full
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet import SegmentSettings, segment
from napari_unet.devices import Device
from napari_unet.errors import EngineError, NotEnoughMemoryError
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, Progress, always_continue
from napari_unet.scans.scan import scan_of
from napari_unet.segment import stream as stream_module
from napari_unet.segment.engine import choice
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.fallback import FallbackEngine
from napari_unet.segment.engine.out_of_memory import not_enough_memory
from napari_unet.segment.engine.torch_engine import TorchEngine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles import window as window_module
from napari_unet.segment.tiles.normalize import normalize_on
from napari_unet.segment.tiles.tile_result import TileResult
from napari_unet.segment.whole_file import file_run

MODEL = tiny_model(tiny_spec(classes=3))
IMAGE = smooth_image((150, 170))


class OnlySmall(TorchEngine):
    """A processor whose memory is not enough for large windows either."""

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if window.numel() > 96**2:
            raise MemoryError
        return super().run(window, control)


def by_torch(note: str) -> TorchEngine:
    return TorchEngine(MODEL.network, note=note)


def run(engine: object, **more: int) -> tuple[np.ndarray, list[TileResult], list[Progress]]:
    shown: list[Progress] = []
    labels = np.zeros(IMAGE.shape, np.uint8)
    covered = np.zeros(IMAGE.shape, int)
    tiles = list(stream(MODEL, job(**more), engine=engine, on_progress=shown.append))  # type: ignore[arg-type]
    for tile in tiles:
        labels[tile.region] = tile.labels
        covered[tile.region] += 1
    assert (covered == 1).all()
    return labels, tiles, shown


def job(**more: int) -> SegmentJob:
    return plan_job(
        MODEL.spec, scan_of(IMAGE), SegmentSettings(device="cpu", **{"tile_px": 64, **more})
    )


EXPECTED = segment(IMAGE, MODEL, settings=SegmentSettings(engine="torch", device="cpu"))


def test_an_engine_that_fails_is_replaced_and_finished_tiles_stay() -> None:
    first = Failing(MODEL, broken, good=3)
    labels, tiles, shown = run(FallbackEngine(first, by_torch))
    np.testing.assert_array_equal(labels, EXPECTED)
    assert [tile.engine for tile in tiles] == ["openvino 1.2 on cpu"] * 3 + [TORCH] * (
        len(tiles) - 3
    )
    assert len(first.failed) == 1
    assert [progress.note for progress in shown[:4]] == [""] * 4
    assert {progress.note for progress in shown[4:]} == {NOTE}


def test_a_second_failure_and_any_other_error_are_what_they_are() -> None:
    with pytest.raises(EngineError, match="instruction"):
        run(FallbackEngine(Failing(MODEL, broken), lambda note: Failing(MODEL, broken)))  # type: ignore[arg-type, return-value]
    with pytest.raises(RuntimeError, match="shapes"):
        run(
            FallbackEngine(
                Failing(MODEL, lambda: RuntimeError("shapes cannot be multiplied")), by_torch
            )
        )


def test_a_full_processor_is_not_replaced_by_itself() -> None:
    with pytest.raises(NotEnoughMemoryError, match="this computer was not enough"):
        run(FallbackEngine(Failing(MODEL, full), by_torch))


def test_the_processor_takes_over_from_a_full_card_with_tiles_as_planned() -> None:
    first = Failing(MODEL, full, good=2, device="cuda:0")
    engine = FallbackEngine(first, by_torch)
    labels, tiles, shown = run(engine)
    np.testing.assert_array_equal(labels, EXPECTED)
    assert len(first.failed) > 1
    assert len(tiles) == shown[-1].total == shown[-1].done == 9
    assert shown[-1].note == (
        "The memory of cuda:0 does not suffice, even for the smallest tile. "
        "The processor runs instead."
    )
    assert [tile.engine for tile in tiles] == ["torch 1.2 on cuda:0"] * 2 + [TORCH] * 7


def test_the_processor_too_may_need_smaller_tiles() -> None:
    engine = FallbackEngine(
        Failing(MODEL, full, device="cuda:0"), lambda note: OnlySmall(MODEL.network, note=note)
    )
    labels, _, shown = run(engine, tile_px=128)
    np.testing.assert_array_equal(labels, EXPECTED)
    assert (
        "The processor runs instead. Memory did not suffice: continuing with smaller tiles"
        in shown[-1].note
    )


@pytest.fixture(autouse=True)
def _a_card_with_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card with much memory is said to be here; what is sent to it stays on the processor."""
    monkeypatch.setattr(stream_module, "free_bytes", lambda device: 2**34)
    monkeypatch.setattr(
        window_module,
        "normalize_on",
        lambda _, *given: normalize_on("cpu", *given),
    )


def test_auto_lets_torch_take_over_and_a_named_engine_does_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(choice, "openvino_version", lambda: "1.2")
    monkeypatch.setattr(
        choice, "_openvino", lambda model, precision: Failing(MODEL, broken, good=2)
    )
    monkeypatch.setattr(choice, "choose_runner", lambda *_: "openvino")
    _, tiles, _ = run(make_engine(MODEL, SegmentSettings(device="cpu")))
    assert list(dict.fromkeys(tile.engine for tile in tiles)) == ["openvino 1.2 on cpu", TORCH]
    with pytest.raises(EngineError, match="instruction"):
        run(make_engine(MODEL, SegmentSettings(device="cpu", engine="openvino")))


def on_a_card(monkeypatch: pytest.MonkeyPatch, good: bool) -> None:
    def engine(network: object, device: str, note: str, precision: str) -> object:
        if device == "cpu":
            return by_torch(note)
        if not good:
            raise not_enough_memory(full(), device)
        return Failing(MODEL, full, device=device)

    monkeypatch.setattr(
        choice, "find_devices", lambda: [Device("cuda:0", "Card"), Device("cpu", "Processor")]
    )
    monkeypatch.setattr(choice, "TorchEngine", engine)


def test_a_card_that_was_named_is_not_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_card(monkeypatch, good=True)
    assert run(make_engine(MODEL, SegmentSettings(device="auto")))[1][0].engine == TORCH
    with pytest.raises(NotEnoughMemoryError, match=r"cuda:0 was not enough .*Choose the processor"):
        run(make_engine(MODEL, SegmentSettings(device="cuda")))


def test_a_card_with_no_room_for_the_model_is_not_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    on_a_card(monkeypatch, good=False)
    engine = make_engine(MODEL, SegmentSettings(device="auto"))
    assert (engine.name, engine.note) == (
        TORCH,
        "The memory of cuda:0 does not suffice for the model. The processor runs instead.",
    )
    with pytest.raises(NotEnoughMemoryError):
        make_engine(MODEL, SegmentSettings(device="cuda"))


def into_files(outputs: Outputs, good: int) -> None:
    engine = failing_over(MODEL, good)
    with file_run(MODEL, job(keep_probabilities=True), outputs, engine) as run:
        for tile in stream(MODEL, run.job, engine=engine):
            run.take(tile)


def test_files_say_which_engines_ran(tmp_path: Path) -> None:
    into_files(Outputs(tmp_path / "a.tif", tmp_path / "p.zarr"), good=2)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        in_tiff = json.loads(file.imagej_metadata["Info"])  # type: ignore[index]
    in_zarr = zarr.open_group(tmp_path / "p.zarr", mode="r").attrs["napari_unet"]
    for facts in (in_tiff, in_zarr):
        assert (facts["engine"], facts["engine_note"]) == (BOTH, NOTE)
    into_files(Outputs(tmp_path / "b.tif", tmp_path / "q.zarr"), good=99)
    assert (
        zarr.open_group(tmp_path / "q.zarr", mode="r").attrs["napari_unet"]["engine"]
        == "openvino 1.2 on cpu"
    )


def run_into_zarr(outputs: Outputs, policy: ResumePolicy, most: int) -> None:
    engine = failing_over(MODEL, 3)
    with resumable_run(MODEL, job(), outputs, policy, engine) as run:
        for count, tile in enumerate(stream(MODEL, run.job, engine=engine)):
            if count == most:
                raise KeyboardInterrupt
            run.take(tile)


def test_a_resumed_run_names_the_engines_that_ran_before(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "a.zarr")
    with pytest.raises(KeyboardInterrupt):
        run_into_zarr(outputs, ResumePolicy(), 6)
    run_into_zarr(
        outputs, ResumePolicy(resume=True), 99
    )  # three tiles are left, for which no other engine is needed
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    assert group.attrs["napari_unet"]["engine"] == BOTH
    np.testing.assert_array_equal(np.asarray(group["0"]), EXPECTED)

"""What a run resumes, what it refuses, and what it leaves however it ends."""

import os
import stat
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import zarr

from helpers.resumable import Counting, Killed, run_killed, run_parts, run_resumable, values
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import Cancelled, OutputError, ScanError, SettingsError
from napari_unet.files.room import SPARE_BYTES
from napari_unet.model.model import Model
from napari_unet.model.spec import MeasuredHalo
from napari_unet.model.torch_import import torch
from napari_unet.progress import Control, GetControl, always_continue
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_partial import (
    begin_partial,
    finish_partial,
    open_partial,
    partial_folder,
)
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.scans.write import write_labels
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable import files as resumable_files
from napari_unet.segment.resumable.part import Part, ResumePolicy, parse_part
from napari_unet.segment.resumable.run import resumable_run
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream

MODEL = tiny_model(tiny_spec(classes=3))
SCAN = scan_of(smooth_image((2, 60, 70)))
TILES = 2 * 4 * 5
RESUME = ResumePolicy(resume=True)
OVERWRITE = ResumePolicy(overwrite=True)
MERGE = ResumePolicy(merge=True)
LABELS = segment(SCAN, MODEL, settings=SegmentSettings(tile_px=16, device="cpu", engine="torch"))


@pytest.fixture
def outputs(tmp_path: Path) -> Outputs:
    return Outputs(tmp_path / "a.zarr")


def names(outputs: Outputs) -> list[str]:
    return sorted(path.name for path in outputs.labels.parent.iterdir())


def other(**changes: object) -> Scan:
    return replace(SCAN, **changes)  # type: ignore[arg-type]


def test_a_share_is_of_a_run_that_another_has_begun_and_completes(outputs: Outputs) -> None:
    share = ResumePolicy(resume=True, share=range(5, 9))
    with pytest.raises(
        OutputError, match=r"a.zarr.partial is not there\. .* file system that all share"
    ):
        run_resumable(MODEL, SCAN, outputs, share)
    assert names(outputs) == []
    run_killed(MODEL, SCAN, outputs, 7)
    run = run_resumable(MODEL, SCAN, outputs, share)
    assert (run.tiles, run.skipped, run.complete, names(outputs)) == (
        2,
        2,
        True,
        ["a.zarr.partial"],
    )
    assert run_resumable(MODEL, SCAN, outputs, RESUME).skipped == 9
    np.testing.assert_array_equal(values(outputs.labels), LABELS)


@pytest.mark.parametrize(
    ("scan", "sentence"),
    [
        (other(data=np.asarray(SCAN.data) + 1), "another image .other pixels"),
        (other(axes="tyx", spacing=(1.0, 1.0)), "another image .axes: zyx then, tyx now"),
        (
            other(spacing=(2.0, 1.0, 1.0), unit="um"),
            r"spacing: \[1.0, 1.0, 1.0\] then, \[2.0, 1.0, 1.0\] now",
        ),
    ],
)
def test_another_image_is_refused(outputs: Outputs, scan: Scan, sentence: str) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    with pytest.raises(OutputError, match=sentence):
        run_resumable(MODEL, scan, outputs, RESUME)
    assert run_resumable(MODEL, SCAN, outputs, RESUME).skipped == 3


def test_another_model_is_refused(outputs: Outputs) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    with pytest.raises(OutputError, match=r"another model .other weights"):
        run_resumable(tiny_model(MODEL.spec, seed=1), SCAN, outputs, RESUME)


def test_another_engine_is_refused_except_for_a_merge(outputs: Outputs) -> None:
    run_parts(MODEL, SCAN, outputs, [1])
    abacus = Counting(MODEL)
    abacus.name = "abacus"
    with pytest.raises(OutputError, match=r"another engine \(name: torch .* then, abacus now\)"):
        run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True, part=Part(1, 1)), abacus)
    assert run_resumable(MODEL, SCAN, outputs, MERGE).skipped == TILES


def test_other_settings_are_refused(outputs: Outputs) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    with pytest.raises(
        OutputError, match=r"another settings .keep_probabilities: False then, True now"
    ):
        run_resumable(
            MODEL, SCAN, replace(outputs, probabilities=outputs.labels.with_name("p.zarr")), RESUME
        )


def test_with_a_measured_halo_a_run_is_resumed_and_divided_alike_and_without_it_is_another(
    outputs: Outputs, tmp_path: Path
) -> None:
    base = tiny_model(tiny_spec(3, depth=1))
    spec = base.spec.model_copy(
        update={"halo": MeasuredHalo(voxels=(2, 2, 2), changed=1e-4, compared=10**6)}
    )
    model = Model(spec, base.network, base.weights_sha256)
    scan = scan_of(smooth_image((40, 40, 40)), axes="zyx")
    whole = segment(scan, model, settings=SegmentSettings(tile_px=16, device="cpu", engine="torch"))
    assert not np.array_equal(whole, segment(scan, base))  # it is the measured one that is used
    assert run_killed(model, scan, outputs, 5)
    with pytest.raises(OutputError, match=r"begun with another model \(halo: "):
        run_resumable(base, scan, outputs, RESUME)
    assert run_resumable(model, scan, outputs, RESUME).skipped == 5
    parts = Outputs(tmp_path / "parts.zarr")
    run_parts(model, scan, parts, (2, 1))
    run_resumable(model, scan, parts, MERGE)
    assert np.array_equal(values(outputs.labels), whole)
    assert np.array_equal(values(parts.labels), whole)


def test_another_number_of_parts_is_refused(outputs: Outputs) -> None:
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=Part(1, 4)))
    with pytest.raises(OutputError, match="was begun in 4 parts, this is one of 3"):
        run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=Part(1, 3)))
    run_killed(MODEL, SCAN, Outputs(outputs.labels.with_name("b.zarr")), 2)
    with pytest.raises(OutputError, match="was begun in one, this is one of 3 parts"):
        run_resumable(
            MODEL, SCAN, Outputs(outputs.labels.with_name("b.zarr")), ResumePolicy(part=Part(1, 3))
        )


def test_what_was_begun_is_neither_lost_nor_resumed_without_an_option(outputs: Outputs) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    with pytest.raises(
        OutputError,
        match=r"a\.zarr\.partial is what an interrupted run has finished. Give --resume .* or "
        "--overwrite",
    ):
        run_resumable(MODEL, SCAN, outputs)
    engine = Counting(MODEL)
    run_resumable(MODEL, SCAN, outputs, OVERWRITE, engine)
    assert engine.runs == TILES
    assert names(outputs) == ["a.zarr"]


def test_a_part_is_done_again_only_with_an_option(outputs: Outputs) -> None:
    part = Part(2, 3)
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=part))
    with pytest.raises(
        OutputError, match=r"Part 2/3 of .* was begun before. Give --resume .* or --overwrite"
    ):
        run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=part))
    assert run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True, part=part)).tiles == 0
    assert run_resumable(MODEL, SCAN, outputs, ResumePolicy(overwrite=True, part=part)).skipped == 0


def test_a_merge_says_which_parts_are_missing(outputs: Outputs) -> None:
    with pytest.raises(OutputError, match="nothing to merge"):
        run_resumable(MODEL, SCAN, outputs, MERGE)
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=Part(1, 4)))
    run_killed(MODEL, SCAN, outputs, 3, ResumePolicy(part=Part(3, 4)))
    with pytest.raises(
        OutputError,
        match=r"27 of 40 tiles are missing in parts 2/4, 3/4, 4/4. Run what is missing with "
        "--resume",
    ):
        run_resumable(MODEL, SCAN, outputs, MERGE)
    assert names(outputs) == ["a.zarr.partial"]


def test_a_run_without_a_part_does_what_the_parts_have_left(outputs: Outputs) -> None:
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(part=Part(1, 4)))
    ended = run_resumable(MODEL, SCAN, outputs, RESUME)
    assert (ended.skipped, ended.tiles) == (10, 30)
    np.testing.assert_array_equal(values(outputs.labels), LABELS)


def test_an_existing_result_is_refused_before_anything_runs(outputs: Outputs) -> None:
    write_labels(outputs.labels, LABELS, SCAN)
    for policy in (ResumePolicy(), RESUME, ResumePolicy(part=Part(1, 2)), MERGE):
        with pytest.raises(OutputError, match=r"already exists. Add --overwrite"):
            run_resumable(MODEL, SCAN, outputs, policy, Counting(MODEL, 0))
    assert names(outputs) == ["a.zarr"]
    assert (
        run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True, overwrite=True)).tiles
        == TILES
    )


def test_the_old_result_is_there_until_the_new_one_is_complete(outputs: Outputs) -> None:
    write_labels(outputs.labels, np.full_like(LABELS, 7), SCAN)
    run_killed(MODEL, SCAN, outputs, 3, OVERWRITE)
    assert (values(outputs.labels) == 7).all()
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True, overwrite=True))
    np.testing.assert_array_equal(values(outputs.labels), LABELS)
    assert names(outputs) == ["a.zarr"]


def test_what_is_complete_is_left_as_it_is(outputs: Outputs) -> None:
    first = run_resumable(MODEL, SCAN, outputs)
    partial_folder(outputs.labels).mkdir()  # killed while it removed its journals
    again = run_resumable(MODEL, SCAN, outputs, RESUME, Counting(MODEL, 0))
    assert (again.tiles, again.skipped, again.counted.tolist()) == (
        0,
        TILES,
        first.counted.tolist(),
    )
    assert names(outputs) == ["a.zarr"]


def control_after(tiles: int, wanted: Control, counting: Counting) -> GetControl:
    return lambda: wanted if counting.runs >= tiles else Control.CONTINUE


def run_until(outputs: Outputs, policy: ResumePolicy, wanted: Control, tiles: int) -> None:
    engine = Counting(MODEL)
    control = control_after(tiles, wanted, engine)
    job = plan_job(MODEL.spec, SCAN, SegmentSettings(tile_px=16, device="cpu"))
    with resumable_run(MODEL, job, outputs, policy, Counting(MODEL), control=control) as run:
        for tile in stream(MODEL, run.job, engine=engine, control=control):
            run.take(tile)


def test_stop_leaves_the_finished_tiles(outputs: Outputs) -> None:
    run_until(outputs, ResumePolicy(), Control.STOP, 5)
    assert names(outputs) == ["a.zarr.partial"]
    assert (
        run_resumable(MODEL, SCAN, outputs, RESUME).skipped == 4
    )  # the fifth was stopped in the middle


def test_cancel_is_as_if_the_run_had_never_begun(outputs: Outputs) -> None:
    with pytest.raises(Cancelled):
        run_until(outputs, ResumePolicy(), Control.CANCEL, 5)
    assert names(outputs) == []
    run_killed(MODEL, SCAN, outputs, 4)
    with pytest.raises(Cancelled):
        run_until(outputs, RESUME, Control.CANCEL, 5)
    assert run_resumable(MODEL, SCAN, outputs, RESUME).skipped == 4


def test_a_run_that_finished_nothing_leaves_nothing(outputs: Outputs) -> None:
    assert run_killed(MODEL, SCAN, outputs, 0)
    assert names(outputs) == []


def test_a_run_that_ends_early_says_how_to_resume(outputs: Outputs) -> None:
    job = plan_job(MODEL.spec, SCAN, SegmentSettings(tile_px=16, device="cpu"))
    with (  # noqa: PT012
        pytest.raises(Killed),
        resumable_run(MODEL, job, outputs, ResumePolicy(), Counting(MODEL)) as run,
    ):
        assert run.resume_hint == ""
        for tile in stream(MODEL, run.job, engine=Counting(MODEL, 7)):
            run.take(tile)
    folder = partial_folder(outputs.labels)
    assert run.resume_hint == (
        f"7 of 40 tiles are kept in {folder}; the same command with --resume goes on from there."
    )


class Small(Counting):
    """An engine whose memory is enough for small windows only."""

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        if window.shape[-1] > 64:
            raise MemoryError
        return super().run(window, control)


def test_tiles_that_come_in_pieces_count_as_one(outputs: Outputs) -> None:
    scan = scan_of(smooth_image((2, 60, 140)))
    with pytest.raises(Killed):
        run_resumable(MODEL, scan, outputs, engine=Small(MODEL, 30), tile_px=48)
    ended = run_resumable(MODEL, scan, outputs, RESUME, Small(MODEL), tile_px=48)
    expected = segment(
        scan, MODEL, settings=SegmentSettings(tile_px=48, device="cpu", engine="torch")
    )
    np.testing.assert_array_equal(values(outputs.labels), expected)
    assert 0 < ended.skipped < 12
    assert ended.counted.sum() == expected.size
    assert ended.counted.tolist() == np.bincount(expected.ravel(), minlength=3).tolist()


def test_a_disk_without_room_is_an_error_before_anything_runs(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_probabilities = replace(outputs, probabilities=outputs.labels.with_name("p.zarr"))
    needed = round(3 * SCAN.data.size * 2 * 7 / 8)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=SPARE_BYTES + needed - 1)
    )
    with pytest.raises(OutputError, match=r"needs .* MB in .* Free some space"):
        run_resumable(MODEL, SCAN, with_probabilities, engine=Counting(MODEL, 0))
    assert names(outputs) == []
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=SPARE_BYTES + needed))
    run_killed(MODEL, SCAN, with_probabilities, 20)
    monkeypatch.setattr(
        "shutil.disk_usage",
        lambda _: SimpleNamespace(free=SPARE_BYTES + needed // 2 - 1),
    )
    with pytest.raises(OutputError, match="needs"):
        run_resumable(MODEL, SCAN, with_probabilities, RESUME, Counting(MODEL, 0))
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=SPARE_BYTES + needed // 2)
    )
    assert run_resumable(MODEL, SCAN, with_probabilities, RESUME).tiles == 20


def test_of_many_who_begin_at_once_one_makes_the_store(outputs: Outputs) -> None:
    start = threading.Barrier(6)
    made = []

    def begin(number: int) -> None:
        file = ResultFile(outputs.labels, SCAN, facts={"run": number})
        start.wait()
        made.append((number, begin_partial(file)))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names(outputs) == ["a.zarr.partial"]
    (winner,) = [number for number, first in made if first]
    assert open_partial(outputs.labels)[1] == {"run": winner}


def test_a_run_killed_between_two_files_is_resumed(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = replace(outputs, probabilities=outputs.labels.with_name("p.zarr"))

    def finish_first(path: Path, facts: dict[str, object]) -> None:
        if path == both.labels:
            raise Killed
        finish_partial(path, facts)

    with monkeypatch.context() as patch:
        patch.setattr(resumable_files, "finish_partial", finish_first)
        assert run_killed(MODEL, SCAN, both, TILES)
    assert names(outputs) == ["a.zarr.partial", "p.zarr"]
    assert run_resumable(MODEL, SCAN, both, RESUME, Counting(MODEL, 0)).skipped == TILES
    np.testing.assert_array_equal(values(both.labels), LABELS)
    assert names(outputs) == ["a.zarr", "p.zarr"]


@pytest.mark.parametrize("spoil", [lambda path: path.unlink(), lambda path: path.write_text("{")])
def test_a_store_that_can_not_be_read_is_one_sentence(
    outputs: Outputs, spoil: Callable[[Path], None]
) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    spoil(partial_folder(outputs.labels) / "a.zarr" / "zarr.json")
    with pytest.raises(OutputError, match=r"is damaged, or no partial result. Remove it"):
        run_resumable(MODEL, SCAN, outputs, RESUME)


@pytest.mark.parametrize("left", ["a.zarr/0/c/0/0/0", "whole.0000.journal"])
def test_a_folder_without_a_result_is_no_obstacle(outputs: Outputs, left: str) -> None:
    """A chunk that was still being written when Ctrl-C removed all, and a journal left after the
    result had taken its place.
    """
    file = partial_folder(outputs.labels) / left
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")
    assert run_resumable(MODEL, SCAN, outputs).tiles == TILES
    assert names(outputs) == ["a.zarr"]


def test_a_region_is_refused(outputs: Outputs) -> None:
    job = plan_job(
        MODEL.spec, SCAN, SegmentSettings(device="cpu"), region=(slice(3, 9), slice(0, 70))
    )
    with (
        pytest.raises(ScanError, match="Only a run of a whole image"),
        resumable_run(MODEL, job, outputs, ResumePolicy(), Counting(MODEL)),
    ):
        pass


def test_what_a_killed_writer_left_of_a_chunk_does_not_stay(outputs: Outputs) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    torn = partial_folder(outputs.labels) / "a.zarr" / "0" / "c" / "0.5ca1ab1e.partial"
    torn.write_bytes(b"half")
    run_resumable(MODEL, SCAN, outputs, RESUME)
    assert not list(outputs.labels.rglob("*.partial"))


@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
def test_others_may_read_what_the_umask_lets_them(outputs: Outputs) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    (journal,) = partial_folder(outputs.labels).glob("*.journal")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(journal.stat().st_mode) == 0o666 & ~umask


@pytest.mark.parametrize("text", ["0/4", "5/4", "2", "a/b", "1/0", "-1/4", "1/4/2", ""])
def test_what_is_no_part_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="such as 2/4"):
        parse_part(text)


def test_a_part_is_read_as_it_is_written() -> None:
    assert str(parse_part(" 2/4 ")) == "2/4"


def test_chunks_are_parts_of_tiles(tmp_path: Path) -> None:
    scan = scan_of(np.zeros((1400, 3000), np.uint8))
    with pytest.raises(Killed):
        run_resumable(
            MODEL, scan, Outputs(tmp_path / "a.zarr"), engine=Counting(MODEL, 1), tile_px=1000
        )
    array = zarr.open_group(tmp_path / "a.zarr.partial" / "a.zarr", mode="r")["0"]
    assert array.chunks == (700, 500)  # type: ignore[union-attr]


def test_a_run_that_can_not_be_opened_leaves_nothing(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(folder: object) -> None:
        raise OutputError("the journals can not be read")

    with monkeypatch.context() as patch:
        patch.setattr(resumable_files, "read_run_journals", fail)
        with pytest.raises(OutputError, match="can not be read"):
            run_resumable(MODEL, SCAN, outputs)
    assert names(outputs) == []
    assert run_resumable(MODEL, SCAN, outputs).complete

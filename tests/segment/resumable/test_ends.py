"""How resumable runs end: with coarser levels, without a second run at once, and whatever killed
runs have left.
"""

import errno
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import zarr

from helpers.child import killed
from helpers.resumable import Counting, Killed, run_killed, run_parts, run_resumable
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import Cancelled, OutputError
from napari_unet.files.room import SPARE_BYTES
from napari_unet.progress import Control, Progress
from napari_unet.scans.formats import zarr_partial as partial_zarr
from napari_unet.scans.formats import zarr_pyramid as pyramid
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_partial import (
    begin_partial,
    is_begun,
    open_partial,
    partial_folder,
    remove_leftover,
)
from napari_unet.scans.scan import scan_of
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.part import Part, ResumePolicy
from napari_unet.segment.resumable.run import CompleteRun, complete_run, resumable_run
from napari_unet.segment.settings import SegmentSettings

MODEL = tiny_model(tiny_spec(classes=3))
SCAN = scan_of(smooth_image((2, 60, 70)))
JOB = plan_job(MODEL.spec, SCAN, SegmentSettings(tile_px=16, device="cpu"))
TILES = 2 * 4 * 5
COARSER = 2 * (30 * 35 + 15 * 18)
RESUME = ResumePolicy(resume=True)
OVERWRITE = ResumePolicy(overwrite=True)
MERGE = ResumePolicy(merge=True)
FIRST = ResumePolicy(part=Part(1, 2))
SECOND = ResumePolicy(part=Part(2, 2))


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Outputs:
    monkeypatch.setattr(pyramid, "COARSEST_PX", {2: 18, 3: 18})
    return Outputs(tmp_path / "a.zarr")


@pytest.fixture
def both(outputs: Outputs) -> Outputs:
    return replace(outputs, probabilities=outputs.labels.with_name("p.zarr"))


def names(outputs: Outputs) -> list[str]:
    return sorted(path.name for path in outputs.labels.parent.iterdir())


def levels_of(path: Path) -> list[np.ndarray]:
    group: Any = zarr.open_group(path, mode="r")
    return [group[each["path"]][...] for each in group.attrs["ome"]["multiscales"][0]["datasets"]]


def check_whole(outputs: Outputs) -> None:
    finest, half, quarter = levels_of(outputs.labels)
    assert finest.any()
    np.testing.assert_array_equal(half, finest[:, ::2, ::2])
    np.testing.assert_array_equal(quarter, finest[:, ::4, ::4])


def test_a_result_has_coarser_levels(both: Outputs) -> None:
    run_resumable(MODEL, SCAN, both)
    check_whole(both)
    assert both.probabilities is not None
    assert [level.shape for level in levels_of(both.probabilities)] == [
        (3, 2, 60, 70),
        (3, 2, 30, 35),
        (3, 2, 15, 18),
    ]


def test_a_merge_makes_them_too(outputs: Outputs) -> None:
    run_parts(MODEL, SCAN, outputs, [2, 1])
    run_resumable(MODEL, SCAN, outputs, MERGE)
    check_whole(outputs)


class Levels:
    """Counts the chunks of coarser levels, and does something after three."""

    def __init__(self, answer: Control = Control.CONTINUE) -> None:
        self._answer = answer
        self.chunks = 0

    def show(self, progress: Progress) -> None:
        self.chunks += progress.unit == "chunks of coarser levels"
        if self.chunks == 3 and self._answer is Control.CONTINUE:
            raise Killed

    def control(self) -> Control:
        return self._answer if self.chunks >= 3 else Control.CONTINUE


def test_a_run_killed_while_it_makes_levels_makes_them_again(both: Outputs) -> None:
    with pytest.raises(Killed) as killed:
        run_resumable(MODEL, SCAN, both, on_progress=Levels().show)
    assert "40 of 40 tiles are kept" in killed.value.__notes__[0]
    assert names(both) == ["a.zarr.partial", "p.zarr.partial"]
    ended = run_resumable(MODEL, SCAN, both, RESUME, Counting(MODEL, 0))
    assert (ended.skipped, ended.tiles) == (TILES, 0)
    check_whole(both)
    assert names(both) == ["a.zarr", "p.zarr"]


def test_stop_leaves_the_levels_to_another_run(outputs: Outputs) -> None:
    stopping = Levels(Control.STOP)
    run_resumable(MODEL, SCAN, outputs, on_progress=stopping.show, control=stopping.control)
    assert stopping.chunks == 3
    assert names(outputs) == ["a.zarr.partial"]
    run_resumable(MODEL, SCAN, outputs, RESUME, Counting(MODEL, 0))
    check_whole(outputs)


def test_cancel_among_the_levels_is_as_if_the_run_had_never_begun(both: Outputs) -> None:
    cancelling = Levels(Control.CANCEL)
    with pytest.raises(Cancelled):
        run_resumable(MODEL, SCAN, both, on_progress=cancelling.show, control=cancelling.control)
    assert names(both) == []


def test_the_disk_must_have_room_for_the_levels_too(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_parts(MODEL, SCAN, outputs, [1, 2])
    needed = round(COARSER / 8)
    monkeypatch.setattr(
        "shutil.disk_usage", lambda _: SimpleNamespace(free=SPARE_BYTES + needed - 1)
    )
    with pytest.raises(OutputError, match="Free some space"):
        run_resumable(MODEL, SCAN, outputs, MERGE)
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=SPARE_BYTES + needed))
    run_resumable(MODEL, SCAN, outputs, MERGE)
    check_whole(outputs)


@pytest.mark.parametrize("second", [RESUME, OVERWRITE, MERGE])
def test_two_whole_runs_of_one_result_are_not_at_once(
    outputs: Outputs, second: ResumePolicy
) -> None:
    with (
        resumable_run(MODEL, JOB, outputs, ResumePolicy(), Counting(MODEL)),
        pytest.raises(OutputError, match="by another run at this moment"),
    ):
        run_resumable(MODEL, SCAN, outputs, second, Counting(MODEL, 0))
    assert run_resumable(MODEL, SCAN, outputs, RESUME).complete
    assert names(outputs) == ["a.zarr"]


def test_a_part_is_not_computed_twice_at_once_and_others_are(outputs: Outputs) -> None:
    with resumable_run(MODEL, JOB, outputs, FIRST, Counting(MODEL)):
        with pytest.raises(
            OutputError,
            match=r"Part 1/2 of .* is being written by another run at this moment. Wait",
        ):
            run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True, part=Part(1, 2)))
        run_resumable(MODEL, SCAN, outputs, SECOND)
        with pytest.raises(OutputError, match="20 of 40 tiles are missing in part 1/2"):
            run_resumable(MODEL, SCAN, outputs, MERGE)
    run_resumable(MODEL, SCAN, outputs, FIRST)
    run_resumable(MODEL, SCAN, outputs, MERGE)
    assert names(outputs) == ["a.zarr"]


HOLD = """
from pathlib import Path
from napari_unet.files.only_writer import only_writer
with only_writer(Path(sys.argv[1]), sys.argv[2]):
    ready()
"""


@pytest.mark.parametrize("name", ["whole", "part-2-of-2"])
def test_a_writer_that_is_killed_holds_nothing(outputs: Outputs, name: str) -> None:
    killed(HOLD, outputs.labels, name)
    assert names(outputs) == [f".a.zarr.{name}.lock"]
    assert run_resumable(MODEL, SCAN, outputs).complete
    assert names(outputs) == ["a.zarr"]


def test_two_runs_do_not_write_the_same_probabilities(both: Outputs) -> None:
    other = Outputs(both.labels.with_name("b.zarr"), both.probabilities)
    with (
        resumable_run(MODEL, JOB, both, ResumePolicy(), Counting(MODEL)),
        pytest.raises(OutputError, match=r"p.zarr is being written by another run"),
    ):
        run_resumable(MODEL, SCAN, other)
    assert names(both) == []


def test_what_another_program_has_put_in_its_place_meanwhile_is_not_replaced(
    outputs: Outputs,
) -> None:
    def put(progress: Progress) -> None:
        if progress.unit == "chunks of coarser levels":
            outputs.labels.mkdir(exist_ok=True)
            (outputs.labels / "zarr.json").write_text("{}")

    with pytest.raises(OutputError, match="already exists") as refused:
        run_resumable(MODEL, SCAN, outputs, on_progress=put)
    assert "40 of 40 tiles are kept" in refused.value.__notes__[0]
    assert (outputs.labels / "zarr.json").read_text() == "{}"
    run_resumable(MODEL, SCAN, outputs, ResumePolicy(resume=True, overwrite=True))
    check_whole(outputs)


REPLACE = """
from pathlib import Path
from napari_unet.scans.formats import zarr_write
old, target = map(Path, sys.argv[1:])
real = Path.replace
Path.replace = lambda self, other: ready() if self == old else real(self, other)
zarr_write.put_in_place(old, target)
"""


def test_a_result_that_was_moved_aside_when_a_run_was_killed_comes_back(outputs: Outputs) -> None:
    run_resumable(MODEL, SCAN, outputs)
    killed(REPLACE, outputs.labels.with_name("new"), outputs.labels)
    assert not outputs.labels.exists()
    with pytest.raises(OutputError, match="already exists"):
        run_resumable(MODEL, SCAN, outputs)
    check_whole(outputs)
    assert names(outputs) == ["a.zarr"]


def test_one_that_was_replaced_is_removed(outputs: Outputs) -> None:
    run_resumable(MODEL, SCAN, outputs)
    (outputs.labels.with_name(".a.zarr.0123abcd.old") / "a.zarr").mkdir(parents=True)
    run_resumable(MODEL, SCAN, outputs, OVERWRITE)
    assert names(outputs) == ["a.zarr"]


def test_where_there_are_no_locks_nobody_is_refused(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unsupported(handle: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("napari_unet.files.lock._lock", unsupported)
    with resumable_run(MODEL, JOB, outputs, FIRST, Counting(MODEL)):
        run_resumable(MODEL, SCAN, outputs, FIRST)
    run_resumable(MODEL, SCAN, outputs, SECOND)
    assert run_resumable(MODEL, SCAN, outputs, MERGE).complete
    assert names(outputs) == ["a.zarr"]


def leave(path: Path, what: str) -> None:
    """What a run leaves that is killed while it removes or completes a result: a chunk, or a
    journal.
    """
    file = partial_folder(path) / what.replace("NAME", path.name)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"")


@pytest.mark.parametrize("left", ["NAME/0/c/0/0/0", "whole.0000.journal"])
@pytest.mark.parametrize(
    "policy",
    [
        ResumePolicy(),
        RESUME,
        OVERWRITE,
        ResumePolicy(part=Part(1, 1)),
        ResumePolicy(resume=True, part=Part(1, 1)),
    ],
)
def test_a_folder_without_a_result_blocks_nobody(
    both: Outputs, policy: ResumePolicy, left: str
) -> None:
    assert both.probabilities is not None
    for path in (both.labels, both.probabilities):
        leave(path, left)
    assert run_resumable(MODEL, SCAN, both, policy).tiles == TILES
    if policy.part is not None:
        assert names(both) == ["a.zarr.partial", "p.zarr.partial"]
        assert run_resumable(MODEL, SCAN, both, MERGE).skipped == TILES
    assert names(both) == ["a.zarr", "p.zarr"]


@pytest.mark.parametrize("left", ["NAME/0/c/0/0/0", "whole.0000.journal"])
def test_there_is_nothing_to_merge_in_a_folder_without_a_result(
    outputs: Outputs, left: str
) -> None:
    leave(outputs.labels, left)
    with pytest.raises(OutputError, match="nothing to merge"):
        run_resumable(MODEL, SCAN, outputs, MERGE)
    assert names(outputs) == []


@pytest.mark.parametrize("left", ["NAME/0/c/0/0/0", "whole.0000.journal"])
@pytest.mark.parametrize("policy", [RESUME, MERGE, ResumePolicy(resume=True, part=Part(1, 4))])
def test_what_is_complete_is_found_beside_a_folder_without_a_result(
    outputs: Outputs, policy: ResumePolicy, left: str
) -> None:
    whole = run_resumable(MODEL, SCAN, outputs)
    leave(outputs.labels, left)
    found = complete_run(MODEL, JOB, outputs, policy)
    assert isinstance(found, CompleteRun)
    assert found.counted.tolist() == whole.counted.tolist()
    assert names(outputs) == ["a.zarr"]


def test_what_is_begun_is_no_leftover(outputs: Outputs) -> None:
    run_killed(MODEL, SCAN, outputs, 3)
    remove_leftover(outputs.labels)
    assert is_begun(outputs.labels)


def before_it_is_renamed(patch: pytest.MonkeyPatch, act: Callable[[], None]) -> None:
    """Let another process act once, after a leftover was found and before it is moved aside."""
    real = partial_zarr.temporary_path

    def be_late(target: Path, suffix: str) -> Path:
        patch.setattr(partial_zarr, "temporary_path", real)
        act()
        return real(target, suffix)

    patch.setattr(partial_zarr, "temporary_path", be_late)


def test_what_another_begins_in_the_place_of_a_leftover_stays(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another part finds the same leftover, and is faster."""
    leave(outputs.labels, "NAME/0/c/0/0/0")
    file = ResultFile(outputs.labels, SCAN, facts={"run": 1})

    def faster() -> None:
        remove_leftover(outputs.labels)
        assert begin_partial(file)

    before_it_is_renamed(monkeypatch, faster)
    remove_leftover(outputs.labels)
    assert open_partial(outputs.labels)[1] == {"run": 1}
    assert names(outputs) == ["a.zarr.partial"]


def test_a_leftover_that_another_removes_meanwhile_is_no_error(
    outputs: Outputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    leave(outputs.labels, "NAME/0/c/0/0/0")
    before_it_is_renamed(monkeypatch, lambda: remove_leftover(outputs.labels))
    remove_leftover(outputs.labels)
    assert names(outputs) == []

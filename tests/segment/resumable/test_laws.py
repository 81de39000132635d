"""Whole = tiled = resumed = parts, bit for bit, for random scans, tiles, parts and interruptions;
and twins that break it.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from helpers.resumable import Counting, damage, run_killed, run_parts, run_resumable, values
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import OutputError
from napari_unet.files.append_only import AppendOnly, read_records
from napari_unet.model.model import Model
from napari_unet.scans.formats.zarr_partial import partial_folder
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment import stream
from napari_unet.segment.job import plan_job
from napari_unet.segment.outputs import Outputs
from napari_unet.segment.resumable.files import plan_of
from napari_unet.segment.resumable.part import Part, ResumePolicy, share_of
from napari_unet.segment.resumable.store import RunStore
from napari_unet.segment.run import segment
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.tiles.tile_grid import TileGrid, chunks_of
from napari_unet.segment.tiles.tiling import TilePlan

RESUME = ResumePolicy(resume=True)
MERGE = ResumePolicy(merge=True)


@dataclass(frozen=True)
class Case:
    """A model, a scan and a size of tiles; the labels of the scan in one run."""

    model: Model
    scan: Scan
    tile_px: int

    @cached_property
    def labels(self) -> np.ndarray:
        return segment(
            self.scan,
            self.model,
            settings=SegmentSettings(tile_px=self.tile_px, device="cpu", engine="torch"),
        )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    dimensions = draw(st.sampled_from([2, 2, 3]))
    ratio = draw(st.sampled_from([None, None, 0.77, 1.6]))
    net = {"depth": draw(st.integers(0, 1 if dimensions == 3 else 2))}
    spec = tiny_spec(
        dimensions,
        classes=draw(st.sampled_from([2, 3])),
        spacing=ratio and (1.0,) * dimensions,
        **net,
    )
    longest = {2: 90, 3: 26}[dimensions]
    shape = tuple(draw(st.integers(1, longest)) for _ in range(dimensions))
    image = smooth_image((draw(st.integers(1, 3)), *shape), draw(st.integers(0, 5)))
    axes = "t" + "zyx"[-dimensions:]
    order = draw(st.permutations(range(len(axes))))
    scan = scan_of(
        image.transpose(order), "".join(axes[n] for n in order), ratio and (ratio,) * dimensions
    )
    return Case(tiny_model(spec), scan, draw(st.sampled_from([16, 24, 48])))


@given(cases(), st.booleans(), st.lists(st.integers(0, 12), max_size=3))
def test_an_interrupted_run_is_resumed_to_the_same_labels(
    tmp_path_factory: pytest.TempPathFactory, case: Case, probabilities: bool, kills: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("resumed")
    outputs = Outputs(folder / "a.zarr", folder / "p.zarr" if probabilities else None)
    done = 0
    for most in kills:
        if not run_killed(case.model, case.scan, outputs, most, RESUME, case.tile_px):
            break
        done += most
    engine = Counting(case.model)
    ended = run_resumable(case.model, case.scan, outputs, RESUME, engine, case.tile_px)
    np.testing.assert_array_equal(values(outputs.labels), case.labels)
    assert ended.complete
    assert (
        ended.counted.tolist()
        == np.bincount(case.labels.ravel(), minlength=len(ended.counted)).tolist()
    )
    whole = Outputs(folder / "b.zarr", folder / "q.zarr" if probabilities else None)
    fresh = Counting(case.model)
    run_resumable(case.model, case.scan, whole, engine=fresh, tile_px=case.tile_px)
    assert engine.runs == fresh.runs - done or (engine.runs == 0 and ended.skipped == fresh.runs)
    assert ended.skipped + ended.tiles == fresh.runs
    if probabilities:
        assert values(folder / "p.zarr").tobytes() == values(folder / "q.zarr").tobytes()
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["a.zarr", "b.zarr", *(["p.zarr", "q.zarr"] if probabilities else [])]
    )


@given(cases(), st.integers(1, 6).flatmap(lambda n: st.permutations(range(1, n + 1))), st.data())
def test_parts_in_any_order_make_the_same_labels(
    tmp_path_factory: pytest.TempPathFactory, case: Case, order: list[int], data: st.DataObject
) -> None:
    outputs = Outputs(tmp_path_factory.mktemp("parts") / "a.zarr")
    killed = data.draw(st.sampled_from(order))
    again = data.draw(st.sampled_from(order))
    run_killed(
        case.model,
        case.scan,
        outputs,
        data.draw(st.integers(0, 4)),
        ResumePolicy(part=Part(killed, len(order))),
        case.tile_px,
    )
    policy = [
        ResumePolicy(resume=number == killed, part=Part(number, len(order))) for number in order
    ]
    for each in policy:
        run_resumable(case.model, case.scan, outputs, each, tile_px=case.tile_px)
    redone = run_resumable(
        case.model,
        case.scan,
        outputs,
        ResumePolicy(overwrite=True, part=Part(again, len(order))),
        tile_px=case.tile_px,
    )
    assert redone.skipped == 0
    merged = run_resumable(
        case.model, case.scan, outputs, MERGE, Counting(case.model, 0), case.tile_px
    )
    np.testing.assert_array_equal(values(outputs.labels), case.labels)
    assert merged.tiles == 0
    assert merged.skipped >= 1
    assert (
        run_resumable(
            case.model, case.scan, outputs, MERGE, Counting(case.model, 0), case.tile_px
        ).skipped
        == merged.skipped
    )
    assert [path.name for path in outputs.labels.parent.iterdir()] == ["a.zarr"]


@given(cases(), st.integers(1, 7))
def test_no_two_tiles_and_so_no_two_parts_write_one_chunk(case: Case, parts: int) -> None:
    plan, grid = planned(case)
    check_chunks_have_one_writer(case, plan, chunks_of(case.scan, plan))
    assert all(grid.number(*grid.tile(number)) == number for number in range(grid.total))
    shares = [share_of(Part(number, parts), grid.total) for number in range(1, parts + 1)]
    assert [tile for share in shares for tile in share] == list(range(grid.total))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def check_chunks_have_one_writer(case: Case, plan: TilePlan, chunks: tuple[int, ...]) -> None:
    known = dict(zip(case.scan.result_axes, chunks, strict=True))
    sides = [known[letter] for letter in case.scan.frame_axes(len(plan.steps))]
    owner: dict[tuple[int, ...], int] = {}
    for number, tile in enumerate(plan.tiles):
        ranges = [
            range(part.start // side, -(-part.stop // side))
            for part, side in zip(tile.write, sides, strict=True)
        ]
        for chunk in product(*ranges):
            assert owner.setdefault(chunk, number) == number


def planned(case: Case) -> tuple[TilePlan, TileGrid]:
    job = plan_job(case.model.spec, case.scan, SegmentSettings(tile_px=case.tile_px, device="cpu"))
    plan = plan_of(job)
    return plan, TileGrid(job.frames, plan)


def test_twin_chunks_that_are_not_cut_like_the_tiles_are_shared() -> None:
    with pytest.raises(AssertionError):
        check_chunks_have_one_writer(CASE, planned(CASE)[0], (1, 17, 17))


CASE = Case(tiny_model(tiny_spec(classes=3)), scan_of(smooth_image((2, 60, 70))), 16)


@given(st.integers(0, 99), st.sampled_from([b"", b"damaged", None, "another"]))
def test_a_damaged_chunk_is_computed_again(
    tmp_path_factory: pytest.TempPathFactory, number: int, how: bytes | str | None
) -> None:
    outputs = Outputs(tmp_path_factory.mktemp("damaged") / "a.zarr")
    assert run_killed(CASE.model, CASE.scan, outputs, 12)
    folder = partial_folder(outputs.labels)
    others = [path.read_bytes() for path in sorted(folder.rglob("c/**/*")) if path.is_file()]
    damage(folder, number, others[(number + 1) % len(others)] if how == "another" else how)  # type: ignore[arg-type]
    engine = Counting(CASE.model)
    run_resumable(CASE.model, CASE.scan, outputs, RESUME, engine)
    np.testing.assert_array_equal(values(outputs.labels), CASE.labels)
    assert engine.runs == 2 * 20 - 12 + 1


def test_twin_without_verification_a_chunk_that_was_never_written_is_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal of one run claims all tiles of another, of which nothing was written."""
    donor = Outputs(tmp_path / "donor.zarr")
    outputs = Outputs(tmp_path / "a.zarr")
    run_parts(CASE.model, CASE.scan, donor, [1])
    run_killed(CASE.model, CASE.scan, outputs, 0, ResumePolicy(part=Part(1, 1)))
    (claims,) = partial_folder(donor.labels).glob("*.journal")
    claims.rename(partial_folder(outputs.labels) / claims.name)
    with pytest.raises(OutputError, match="40 of 40 tiles are missing"):
        run_resumable(CASE.model, CASE.scan, outputs, MERGE)
    with monkeypatch.context() as patch:
        patch.setattr(
            RunStore,
            "verified",
            lambda _, records, *__: [claims[0] for claims in records.values()],
        )
        run_resumable(CASE.model, CASE.scan, outputs, MERGE)
    assert (values(outputs.labels) != CASE.labels).any()


def test_tiles_of_another_size_are_refused(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "a.zarr")
    run_killed(CASE.model, CASE.scan, outputs, 5)
    with pytest.raises(OutputError, match="another settings"):
        run_resumable(CASE.model, CASE.scan, outputs, RESUME, tile_px=24)


def test_known_statistics_are_not_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = Outputs(tmp_path / "a.zarr")
    run_killed(CASE.model, CASE.scan, outputs, 25)
    with monkeypatch.context() as patch:
        patch.setattr(stream, "frame_statistics", lambda *_, **__: pytest.fail("computed again"))
        run_resumable(CASE.model, CASE.scan, outputs, RESUME)
    np.testing.assert_array_equal(values(outputs.labels), CASE.labels)
    facts = zarr.open_group(outputs.labels, mode="r").attrs["napari_unet"]
    assert set(facts["statistics"]) == {"0", "1"}  # type: ignore[index,arg-type,call-overload]


def test_twin_statistics_that_were_changed_change_the_labels(tmp_path: Path) -> None:
    outputs = Outputs(tmp_path / "a.zarr")
    run_killed(CASE.model, CASE.scan, outputs, 5)
    (path,) = partial_folder(outputs.labels).glob("*.journal")
    records = [json.loads(record) for record in read_records(path)]
    path.unlink()
    file = AppendOnly(path)
    for record in records:
        if "statistics" in record:
            record["statistics"]["high"] = [value * 3 for value in record["statistics"]["high"]]
        file.append(json.dumps(record).encode())
    file.close()
    run_resumable(CASE.model, CASE.scan, outputs, RESUME)
    assert (values(outputs.labels) != CASE.labels).any()

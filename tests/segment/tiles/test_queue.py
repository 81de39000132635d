"""The order in which tiles come: nearest to where the user looks, also when that changes on the
way.
"""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from helpers.tiny import tiny_model, tiny_spec
from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.scans.resample import AxisMap
from napari_unet.scans.scan import scan_of
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.queue import Focus, GetFocus, TileQueue
from napari_unet.segment.tiles.tiling import Lattice, Tile

FRAMES, SIDE = 5, 96
LATTICE = Lattice((AxisMap(SIDE),) * 2, (4, 4), (8, 8))
MODEL = tiny_model(tiny_spec())
Position = tuple[int, int, int]


def job(**more: object) -> SegmentJob:
    planned = plan_job(
        MODEL.spec, scan_of(np.zeros((FRAMES, SIDE, SIDE), np.uint8)), SegmentSettings(tile_px=32)
    )
    return SegmentJob(**{**vars(planned), **more})


def position(frame: tuple[int, ...], tile: Tile) -> Position:
    return (*frame, tile.write[0].start // 32, tile.write[1].start // 32)  # type: ignore[return-value]


def order(queue: TileQueue) -> list[Position]:
    positions = []
    while (nearest := queue.next_tile()) is not None:
        positions.append(position(*nearest))
        queue.remove_next()
    return positions


focuses = st.builds(
    lambda frame, y, x: Focus((frame,), (y, x)),
    st.integers(0, 4),
    st.floats(0, 95),
    st.floats(0, 95),
)


@given(st.lists(focuses, min_size=1, max_size=12), st.data())
def test_each_tile_is_the_nearest_of_those_that_are_left(
    seen: list[Focus], data: st.DataObject
) -> None:
    turns = [data.draw(st.sampled_from(seen)) for _ in range(9 * FRAMES)]
    turn = iter([turns[0], *turns, turns[-1]])
    queue = TileQueue(job(), LATTICE, (32, 32), lambda: next(turn))
    left = {(frame, y, x) for frame in range(FRAMES) for y in range(3) for x in range(3)}
    for focus, at in zip(turns, order(queue), strict=True):
        nearest_frame = min(abs(frame - focus.frame[0]) for frame, _, _ in left)
        assert abs(at[0] - focus.frame[0]) == nearest_frame
        rivals = [other for other in left if other[0] == at[0]]
        assert _outside(at, focus) <= min(_outside(other, focus) for other in rivals)
        left.remove(at)
    assert not left
    assert queue.done == queue.total == 9 * FRAMES


def _outside(at: Position, focus: Focus) -> float:
    """How far the focus lies outside of a tile."""
    low = np.array(at[1:]) * 32
    return float(np.hypot(*np.maximum(np.maximum(low - focus.point, focus.point - (low + 31)), 0)))


def test_frames_come_in_order_of_closeness_to_the_one_that_is_scrolled_to() -> None:
    focus = [Focus((0,), (0.0, 0.0))]
    queue = TileQueue(job(), LATTICE, (32, 32), lambda: focus[0])
    first = queue.next_tile()
    queue.remove_next()
    assert first is not None
    assert position(*first) == (0, 0, 0)
    focus[0] = Focus((3,), (95.0, 95.0))
    positions = order(queue)
    assert positions[0] == (3, 2, 2)
    frames = [frame for frame, _, _ in positions]
    assert sorted(set(frames), key=frames.index) == [3, 2, 4, 1, 0]
    assert frames.count(0) == 8


def test_only_tiles_that_are_wanted_are_left() -> None:
    queue = TileQueue(
        job(wanted=lambda frame, write: frame == (2,) and write[0].start == 0),
        LATTICE,
        (32, 32),
        lambda: None,
    )
    assert queue.total == 3
    assert order(queue) == [(2, 0, 0), (2, 0, 1), (2, 0, 2)]


def test_what_is_left_is_split_and_nothing_of_it_twice() -> None:
    queue = TileQueue(
        job(wanted=lambda frame, write: frame != (1,)),
        LATTICE,
        (32, 32),
        lambda: Focus((1,), (40.0, 40.0)),
    )
    for _ in range(4):
        queue.next_tile()
        queue.remove_next()
    queue.split()
    covered = np.zeros((FRAMES, SIDE, SIDE), int)
    while (nearest := queue.next_tile()) is not None:
        covered[(*nearest[0], *nearest[1].write)] += 1
        queue.remove_next()
    assert covered.max() == 1
    assert covered.sum() == (4 * 9 - 4) * 32 * 32
    assert queue.done == queue.total


@given(st.lists(st.integers(0, 3), min_size=1, max_size=14))
def test_parts_that_are_merged_again_cover_what_is_left_once(deeds: list[int]) -> None:
    queue = TileQueue(job(), LATTICE, (32, 32), lambda: Focus((2,), (50.0, 40.0)))
    covered = np.zeros((FRAMES, SIDE, SIDE), int)
    for deed in [*deeds, *[3] * 10_000]:
        if deed == 0 and queue.can_split():
            queue.split()
        elif deed == 1:
            queue.merge()
        elif (nearest := queue.next_tile()) is None:
            break
        else:
            frame, tile = nearest
            covered[(*frame, *tile.write)] += 1
            queue.remove_next()
    assert (covered == 1).all()
    assert queue.done == queue.total


def test_what_is_merged_again_is_as_it_was_planned() -> None:
    queue = TileQueue(job(), LATTICE, (32, 32), lambda: None)
    planned = TileQueue(job(), LATTICE, (32, 32), lambda: None)
    queue.next_tile()
    while queue.can_split():
        queue.split()
    assert queue.total > planned.total
    queue.merge()
    assert (queue.core_px, queue.total) == (planned.core_px, planned.total)
    assert order(queue) == order(planned)


class Counting:
    """An engine that says nothing and counts."""

    name = "counting"
    kind = "torch"
    note = ""
    reason = ""
    threads = None
    preparing_s = 0.0
    device = "cpu"

    def __init__(self) -> None:
        self.runs = 0

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        self.runs += 1
        return torch.zeros(1, *window.shape[1:])


def test_the_stream_follows_the_view() -> None:
    focus: list[Focus] = [Focus((4,), (0.0, 0.0))]
    get_focus: GetFocus = lambda: focus[0]  # noqa: E731
    frames = []
    for tile in stream(MODEL, job(), focus=get_focus, engine=Counting()):
        frames.append(tile.frame[0])
        if len(frames) == 2:
            focus[0] = Focus((1,), (0.0, 0.0))
    assert frames[:3] == [4, 4, 1]
    assert frames.count(4) == 9
    assert len(frames) == 9 * FRAMES


def test_frames_of_which_nothing_is_wanted_are_not_read() -> None:
    class Read:
        shape = (FRAMES, SIDE, SIDE)
        dtype = np.dtype(np.uint8)
        frames: set[int] = set()  # noqa: RUF012

        def __getitem__(self, index: tuple[object, ...]) -> np.ndarray:
            assert isinstance(index[0], int)
            self.frames.add(index[0])
            return np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)[index[1:]]

    engine = Counting()
    list(
        stream(
            MODEL,
            job(scan=scan_of(Read()), wanted=lambda frame, write: frame == (2,)),
            engine=engine,
        )
    )
    assert Read.frames == {2}
    assert engine.runs == 9


def test_the_small_first_tile_is_where_the_user_looks_when_the_run_begins() -> None:
    large = scan_of(np.zeros((2, 600, 600), np.uint8))
    focus = [Focus((0,), (10.0, 10.0))]
    lattice = Lattice((AxisMap(600),) * 2, (4, 4), (8, 8))
    frames = tuple((number,) for number in range(2))
    queue = TileQueue(
        job(scan=large, frames=frames, region=(slice(0, 600),) * 2),
        lattice,
        (600, 600),
        lambda: focus[0],
    )
    focus[0] = Focus((1,), (500.0, 500.0))
    tiles = []
    while (nearest := queue.next_tile()) is not None:
        tiles.append(nearest)
        queue.remove_next()
    assert [(frame, tile.provisional) for frame, tile in tiles] == [
        ((1,), True),
        ((1,), False),
        ((0,), False),
    ]
    assert all(part.start <= 500 < part.stop for part in tiles[0][1].write)
    assert queue.done == queue.total == 3

"""The coarser levels of a zarr: what they hold, where they lie, and one read a chunk."""

from collections import Counter
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import Cancelled
from napari_unet.progress import Control, GetControl, Progress
from napari_unet.scans.formats import zarr_pyramid as pyramid
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.formats.zarr_pyramid import Level, plan_levels, size_of_coarser
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import scan_of
from napari_unet.scans.write import open_result, write_labels

SMALL = {2: 4, 3: 4}


@st.composite
def files(draw: st.DrawFn) -> ResultFile:
    axes = draw(st.sampled_from(["yx", "zyx", "tyx", "tzyx", "xyz"]))
    shape = tuple(draw(st.integers(1, 3 if letter == "t" else 21)) for letter in axes)
    chunks = tuple(
        1 if letter == "t" else draw(st.integers(1 if letter == "z" else 2, 7)) for letter in axes
    )
    channels, dtype = draw(
        st.sampled_from([(0, np.uint8), (0, np.uint16), (0, np.float16), (3, np.float16)])
    )
    return ResultFile(
        Path("a.zarr"), scan_of(np.zeros(shape, np.uint8), axes), dtype, channels, chunks=chunks
    )


def written(file: ResultFile, folder: Path, values: np.ndarray) -> list[Any]:
    """The levels of a result, as the group names them."""
    file = ResultFile(folder / "a.zarr", file.scan, file.dtype, file.channels, chunks=file.chunks)
    with open_result(file) as array:
        array[...] = values
    return levels_at(file.path)


def levels_at(path: Path) -> list[Any]:
    group: Any = zarr.open_group(path, mode="r")
    return [group[each["path"]] for each in group.attrs["ome"]["multiscales"][0]["datasets"]]


def check_levels(file: ResultFile, levels: list[Any]) -> None:
    plan = plan_levels(file)
    assert [array.shape for array in levels] == [level.shape for level in plan]
    assert (
        max(
            (n for n, chunk in zip(levels[-1].shape, plan[0].chunks, strict=True) if chunk > 1),
            default=0,
        )
        <= 4
    )
    for finer, level, array in zip(levels, plan[1:], levels[1:], strict=False):
        strided = tuple(slice(None, None, factor) for factor in level.factors)
        expected = (
            blocks(finer[...], level.factors) if pyramid.takes_means(file) else finer[...][strided]
        )
        np.testing.assert_allclose(array[...], expected, rtol=2e-3, atol=1e-7)


def blocks(values: np.ndarray, factors: tuple[int, ...]) -> np.ndarray:
    """The mean of each block, of as many voxels as it has."""
    padded = np.pad(
        values.astype(float),
        [(0, -n % factor) for n, factor in zip(values.shape, factors, strict=True)],
        constant_values=np.nan,
    )
    split = [
        part
        for n, factor in zip(padded.shape, factors, strict=True)
        for part in (n // factor, factor)
    ]
    return np.asarray(np.nanmean(padded.reshape(split), axis=tuple(range(1, 2 * len(factors), 2))))


@given(files(), st.integers(0, 99))
def test_each_level_is_half_of_the_one_above(
    tmp_path_factory: pytest.TempPathFactory, file: ResultFile, seed: int
) -> None:
    drawn = np.random.default_rng(seed).random(file.shape)
    values = drawn if pyramid.takes_means(file) else drawn * 250
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid, "COARSEST_PX", SMALL)
        levels = written(file, tmp_path_factory.mktemp("levels"), values.astype(file.dtype))
        check_levels(file, levels)
        check_each_chunk_is_read_once(file)
        assert size_of_coarser(file) == sum(array.size for array in levels[1:])
    np.testing.assert_array_equal(levels[0][...], values.astype(file.dtype))


def check_each_chunk_is_read_once(file: ResultFile) -> None:
    plan = plan_levels(file)
    for finer, level in pairwise(plan):
        read: Counter[tuple[int, ...]] = Counter()
        for index in np.ndindex(level.grid()):
            parts = zip(level.source(level.chunk(index)), finer.shape, finer.chunks, strict=True)
            read.update(
                product(
                    *(
                        range(part.start // chunk, -(-min(part.stop, n) // chunk))
                        for part, n, chunk in parts
                    )
                )
            )
        assert set(read.values()) == {1}
        assert len(read) == np.prod(finer.grid())


def test_twin_levels_of_another_part_are_caught(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pyramid, "COARSEST_PX", SMALL)
    file = ResultFile(tmp_path, scan_of(np.zeros((9, 16))), chunks=(4, 4))
    values = np.arange(9 * 16, dtype=np.uint8).reshape(9, 16)
    check_levels(file, written(file, tmp_path / "right", values))
    shifted = lambda _, part: tuple(slice(2 * own.start + 1, 2 * own.stop + 1) for own in part)  # noqa: E731
    monkeypatch.setattr(Level, "source", shifted)
    with pytest.raises((AssertionError, ValueError)):
        check_levels(file, written(file, tmp_path / "wrong", values))


def transformations(path: Path) -> list[list[dict[str, Any]]]:
    group: Any = zarr.open_group(path, mode="r")
    (image,) = group.attrs["ome"]["multiscales"]
    return [each["coordinateTransformations"] for each in image["datasets"]]


@pytest.mark.parametrize(("channels", "kind"), [(0, "nearest"), (2, "mean")])
def test_each_level_says_where_its_voxels_lie(tmp_path: Path, channels: int, kind: str) -> None:
    scan = scan_of(np.zeros((3, 1200, 700), np.uint8), "zyx", (2.0, 0.5, 0.25))
    file = ResultFile(tmp_path / "a.zarr", scan, np.float16 if channels else np.uint8, channels)
    with open_result(file):
        pass
    shapes = [array.shape[-3:] for array in levels_at(file.path)]
    assert shapes == [(3, 1200, 700), (3, 600, 350), (3, 300, 175)]  # the slices of a stack stay
    found = transformations(file.path)
    front = [1.0] if channels else []
    assert [level[0] for level in found] == [
        {"type": "scale", "scale": [*front, 2.0, 0.5 * factor, 0.25 * factor]}
        for factor in (1, 2, 4)
    ]
    shifts = [level[1]["translation"][-3:] for level in found if len(level) > 1]
    assert shifts == ([[0.0, 0.25, 0.125], [0.0, 0.75, 0.375]] if channels else [])
    group: Any = zarr.open_group(file.path, mode="r")
    assert group.attrs["ome"]["multiscales"][0]["type"] == kind
    assert ("image-label" in group.attrs["ome"]) is (kind == "nearest")


def test_volumes_are_halved_along_z_too(tmp_path: Path) -> None:
    scan = scan_of(np.zeros((40, 300, 1), np.uint8))
    assert [
        level.shape for level in plan_levels(ResultFile(tmp_path, scan, chunks=(128, 128, 128)))
    ] == [(40, 300, 1)]
    scan = scan_of(np.zeros((40, 300, 2), np.uint8))
    levels = plan_levels(ResultFile(tmp_path, scan, chunks=(128, 128, 128)))
    assert [level.shape for level in levels] == [(40, 300, 2), (20, 150, 1), (10, 75, 1)]


def test_a_result_of_about_a_chunk_has_one_level(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.zarr", np.ones((512, 512), np.uint8), scan_of(np.zeros((512, 512))))
    assert len(levels_at(tmp_path / "a.zarr")) == 1


def test_a_result_is_read_at_its_finest_level(tmp_path: Path) -> None:
    labels = np.random.default_rng(0).integers(0, 4, (600, 520))
    scan = scan_of(np.zeros((600, 520)), "yx", (0.5, 0.25))
    write_labels(tmp_path / "a.zarr", labels, scan)
    assert len(levels_at(tmp_path / "a.zarr")) == 2
    back = read_scan(tmp_path / "a.zarr")
    assert (back.spacing, back.unit) == ((0.5, 0.25), "um")
    np.testing.assert_array_equal(np.asarray(back.data[...]), labels)


def asked_of(answer: Control, seen: list[Progress]) -> GetControl:
    return lambda: answer if len(seen) >= 3 else Control.CONTINUE


def test_levels_are_called_off_chunk_by_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """STOP keeps the result without them, CANCEL nothing."""
    monkeypatch.setattr(pyramid, "COARSEST_PX", SMALL)
    file = ResultFile(tmp_path / "a.zarr", scan_of(np.zeros((32, 32))), chunks=(4, 4))
    seen: list[Progress] = []
    with open_result(file, on_progress=seen.append, control=asked_of(Control.STOP, seen)) as array:
        array[...] = 1
    assert [progress.done for progress in seen] == [0, 1, 2]
    assert {progress.total for progress in seen} == {16 + 4 + 1}
    assert len(levels_at(file.path)) == 1
    assert sorted(path.name for path in file.path.iterdir()) == ["0", "zarr.json"]
    cancelled: list[Progress] = []
    with (
        pytest.raises(Cancelled),
        open_result(file, True, cancelled.append, asked_of(Control.CANCEL, cancelled)) as array,
    ):
        array[...] = 2
    assert (levels_at(file.path)[0][...] == 1).all()
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]

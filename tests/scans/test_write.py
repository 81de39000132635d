"""What is written reads back the same: values, axes and voxel sizes; and nothing is lost on the
way.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import given
from hypothesis import strategies as st

from helpers.results import write_probabilities
from helpers.windows import act_as_windows
from napari_unet.errors import BusyError, OutputError
from napari_unet.files import names
from napari_unet.files.room import SPARE_BYTES
from napari_unet.scans.formats import tiff_write
from napari_unet.scans.formats.result_file import ResultFile
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.scans.write import check_output, open_result, write_labels

SUFFIXES = (".tif", ".ome.tif", ".zarr")
LABELS = np.arange(4 * 5 * 6, dtype=np.uint8).reshape(4, 5, 6)
STACK = scan_of(np.zeros((4, 5, 6)), "zyx", (2.0, 0.5, 0.25))


@st.composite
def scans(draw: st.DrawFn) -> Scan:
    usual = st.sampled_from(["yx", "zyx", "tyx", "tzyx", "ptyx", "tcyx", "yxc", "czyx"])
    axes = draw(st.one_of(usual, st.permutations("tzyx").map("".join)))
    shape = tuple(draw(st.integers(1, 5)) for _ in axes)
    known = draw(st.booleans())
    spacing = tuple(draw(st.floats(0.01, 50)) for a in axes if a in "zyx") if known else None
    return scan_of(np.zeros(shape, np.uint8), axes, spacing)


@given(
    scan=scans(),
    suffix=st.sampled_from(SUFFIXES),
    most=st.sampled_from([1, 255, 256, 70_000]),
    seed=st.integers(0, 99),
)
def test_labels_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, scan: Scan, suffix: str, most: int, seed: int
) -> None:
    labels = np.random.default_rng(seed).integers(0, most + 1, scan.result_shape)
    labels.flat[0] = most
    path = tmp_path_factory.mktemp("written") / f"labels{suffix}"
    write_labels(path, labels, scan)
    back = read_scan(path)
    assert (back.axes, back.shape, back.unit) == (scan.result_axes, scan.result_shape, scan.unit)
    assert back.spacing == pytest.approx(scan.spacing, rel=1e-6)
    assert np.array_equal(np.asarray(back.data[...]), labels)
    assert back.data.dtype == np.min_scalar_type(most)


@given(scan=scans(), suffix=st.sampled_from(SUFFIXES), classes=st.integers(2, 4))
def test_probabilities_read_back_the_same(
    tmp_path_factory: pytest.TempPathFactory, scan: Scan, suffix: str, classes: int
) -> None:
    values = np.random.default_rng(0).random((classes, *scan.result_shape)).astype(np.float16)
    path = tmp_path_factory.mktemp("written") / f"probabilities{suffix}"
    write_probabilities(path, values, scan)
    back = read_scan(path, channels=classes)
    assert set(back.axes) == {*scan.result_axes, "c"}
    order = [back.axes.index(a) for a in "c" + scan.result_axes]
    assert np.array_equal(np.asarray(back.data[...]).transpose(order), values)
    assert back.unit == scan.unit


def test_the_file_is_one_that_others_read(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.tif", LABELS, STACK)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata is not None
        assert (file.imagej_metadata["spacing"], file.imagej_metadata["unit"]) == (2.0, "um")
        assert file.pages[0].compression == tifffile.COMPRESSION.ADOBE_DEFLATE
    write_labels(tmp_path / "a.ome.tif", LABELS, STACK)
    with tifffile.TiffFile(tmp_path / "a.ome.tif") as file:
        assert 'PhysicalSizeZ="2.0"' in str(file.ome_metadata)


def test_the_zarr_is_ome_ngff(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.zarr", LABELS, STACK, facts={"model": "tiny"})
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    ome: Any = group.attrs["ome"]
    assert ome["version"] == "0.5"
    assert ome["multiscales"][0]["axes"][0] == {"name": "z", "type": "space", "unit": "micrometer"}
    assert ome["multiscales"][0]["datasets"][0]["coordinateTransformations"] == [
        {"type": "scale", "scale": [2.0, 0.5, 0.25]}
    ]
    assert group.attrs["napari_unet"] == {"model": "tiny"}


def test_facts_are_kept_in_a_tiff(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.tif", LABELS, STACK, facts={"model": "tiny"})
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert file.imagej_metadata is not None
        assert file.imagej_metadata["Info"] == '{"model": "tiny"}'


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_an_existing_file_stays_unless_it_may_be_replaced(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_labels(path, LABELS, STACK)
    with pytest.raises(OutputError, match="--overwrite"):
        write_labels(path, LABELS + 1, STACK)
    assert np.array_equal(np.asarray(read_scan(path).data[...]), LABELS)
    write_labels(path, LABELS + 1, STACK, overwrite=True)
    assert np.array_equal(np.asarray(read_scan(path).data[...]), LABELS + 1)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, suffix: str, error: type[BaseException]
) -> None:
    path = tmp_path / f"a{suffix}"
    write_labels(path, LABELS, STACK)
    with pytest.raises(error):
        _fill_and_raise(ResultFile(path, STACK), error)
    assert np.array_equal(np.asarray(read_scan(path).data[...]), LABELS)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def _fill_and_raise(file: ResultFile, error: type[BaseException]) -> None:
    with open_result(file, overwrite=True) as array:
        array[0] = 9
        raise error


def test_a_large_result_is_filled_in_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_write, "MEMORY_BYTES", 10)
    with open_result(ResultFile(tmp_path / "a.tif", STACK)) as array:
        assert isinstance(array, np.memmap)
        array[...] = LABELS
    assert np.array_equal(read_scan(tmp_path / "a.tif").data, LABELS)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_folders_that_are_no_zarr_are_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "a.zarr"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match="not replaced"):
        write_labels(folder, LABELS, STACK, overwrite=True)
    (tmp_path / "b.tif").mkdir()
    with pytest.raises(OutputError, match="not replaced"):
        write_labels(tmp_path / "b.tif", LABELS, STACK, overwrite=True)
    assert (folder / "thesis.txt").exists()


def test_folders_are_made(tmp_path: Path) -> None:
    for suffix in SUFFIXES:
        write_labels(tmp_path / "new" / "folder" / f"a{suffix}", LABELS, STACK)
    (tmp_path / "file").touch()
    for suffix in SUFFIXES:
        with pytest.raises(OutputError, match="Can not write"):
            write_labels(tmp_path / "file" / f"a{suffix}", LABELS, STACK)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (LABELS[0], "shape"),
        (LABELS.astype(float), "whole numbers"),
        (LABELS.astype(int) - 1, "from -1"),
    ],
)
def test_what_are_no_labels_of_the_scan_is_refused(
    tmp_path: Path, labels: np.ndarray, words: str
) -> None:
    with pytest.raises(OutputError, match=words):
        write_labels(tmp_path / "a.tif", labels, STACK)


def test_the_suffix_says_what_is_written(tmp_path: Path) -> None:
    for name in ("a", "a.png", "a.tif.gz"):
        with pytest.raises(OutputError, match=r"\.tif, \.tiff or \.zarr"):
            write_labels(tmp_path / name, LABELS, STACK)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_paths_that_windows_can_not_take_are_refused_before_anything_is_computed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    act_as_windows(monkeypatch)
    monkeypatch.setattr(names, "takes_long_paths", lambda: False)
    long = "a" * (names.LONGEST_PATH - len(str(tmp_path)) - 10)
    for name, words in (("aux", "device"), (f"a./b{suffix}", "drops"), (long, "too long")):
        with pytest.raises(OutputError, match=words):
            check_output(tmp_path / f"{name}{suffix}")
    write_labels(tmp_path / f"short{suffix}", LABELS, STACK)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_that_another_program_has_open_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    act_as_windows(monkeypatch)
    path = tmp_path / f"a{suffix}"
    write_labels(path, LABELS, STACK)
    file = next(found for found in [path, *path.rglob("*")] if found.is_file())
    with file.open("rb"), pytest.raises(OutputError, match="another program has it open"):
        write_labels(path, LABELS + 1, STACK, overwrite=True)
    assert np.array_equal(np.asarray(read_scan(path).data[...]), LABELS)
    assert [found.name for found in tmp_path.iterdir()] == [path.name]


def test_a_result_that_the_disk_can_not_take_is_refused_before_it_is_begun(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_write, "MEMORY_BYTES", 10)
    monkeypatch.setattr(
        "shutil.disk_usage",
        lambda _: SimpleNamespace(free=SPARE_BYTES + LABELS.nbytes - 1),
    )
    with pytest.raises(OutputError, match=r"needs .* MB in .* Free some space"):
        write_labels(tmp_path / "new" / "labels.tif", LABELS, STACK)
    assert not list((tmp_path / "new").iterdir())
    monkeypatch.setattr(
        "shutil.disk_usage",
        lambda _: SimpleNamespace(free=SPARE_BYTES + LABELS.nbytes),
    )
    write_labels(tmp_path / "new" / "labels.tif", LABELS, STACK)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_came_into_its_place_meanwhile_stays(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"result{suffix}"
    file = ResultFile(path, STACK, np.dtype(np.uint8))
    with pytest.raises(OutputError, match="exists"), open_result(file):
        path.write_text("somebody's")
    assert path.read_text() == "somebody's"
    assert [each.name for each in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_result_has_one_writer(tmp_path: Path, suffix: str) -> None:
    file = ResultFile(tmp_path / f"result{suffix}", STACK, np.dtype(np.uint8))
    with open_result(file) as array:
        with (
            pytest.raises(BusyError, match="written by another run"),
            open_result(file, overwrite=True),
        ):
            pytest.fail("two write at once")
        array[...] = LABELS
    np.testing.assert_array_equal(np.asarray(read_scan(file.path).data[...]), LABELS)

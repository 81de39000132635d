"""What libraries warn of reaches who reads, once, and nobody else."""

import logging
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pytest
import tifffile
import zarr
from zarr.errors import ZarrUserWarning

from napari_unet.scans.formats.file_image import StoredArray
from napari_unet.scans.library_warnings import ReadWarnings, heard_by, listener
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan

REGION = (slice(0, 5), slice(0, 5))


class Complaining:
    """An array whose reads are warned of, as tifffile and zarr do."""

    shape = (40, 50)
    dtype = np.dtype(np.uint8)

    def __getitem__(self, index: object) -> np.ndarray:
        logging.getLogger("tifffile").warning("<tifffile.TiffPage 0 @8>  odd tag")
        logging.getLogger("tifffile").info("no matter")
        warnings.warn("odd chunk", ZarrUserWarning, stacklevel=1)
        return np.zeros(self.shape, self.dtype)[index]  # type: ignore[index]


@pytest.fixture
def printed() -> Iterator[list[str]]:
    """What is shown to nobody in particular."""
    shown: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: shown.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = lambda message, *rest, **more: shown.append(str(message))
        yield shown
    logging.getLogger().removeHandler(handler)


NOTES = ("The file is read, but: odd tag", "The file is read, but: odd chunk")


def test_reads_of_a_scan_add_to_its_notes_once(printed: list[str]) -> None:
    scan = Scan(Complaining(), "yx", (1.0, 1.0), notes=("first",))
    assert scan.all_notes == ("first",)
    for _ in range(2):
        scan.read((), REGION)
    assert scan.all_notes == ("first", *NOTES)
    assert printed == []


def test_stored_arrays_tell_who_opened_them_from_any_thread(printed: list[str]) -> None:
    found = ReadWarnings()
    with heard_by(found):
        array = StoredArray(Complaining(), Path("image.tif"))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: array[:3]).result()
    assert found.notes == NOTES
    assert printed == []


def test_reads_at_the_same_time_are_told_apart() -> None:
    both = Barrier(2)

    def read(name: str) -> tuple[str, ...]:
        found = ReadWarnings()
        with heard_by(found):
            both.wait(10)
            for n in range(20):
                logging.getLogger("tifffile").warning(f"{name} {n % 2}")
            both.wait(10)
        return tuple(found.texts)

    with ThreadPoolExecutor(2) as threads:
        assert list(threads.map(read, "ab")) == [("a 0", "a 1"), ("b 0", "b 1")]


def test_what_nobody_listens_to_is_shown_as_before(printed: list[str]) -> None:
    with heard_by(listener()):
        pass
    Complaining()[:3]
    assert printed == ["<tifffile.TiffPage 0 @8>  odd tag", "odd chunk"]


def test_other_warnings_are_not_taken(printed: list[str]) -> None:
    found = ReadWarnings()
    with heard_by(found):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert found.texts == []
    assert printed == ["old"]


def test_others_may_show_warnings_meanwhile(printed: list[str]) -> None:
    found = ReadWarnings()
    with heard_by(found):
        ours = warnings.showwarning

        def others(*given: object, **options: object) -> None:
            ours(*given, **options)  # type: ignore[arg-type]

        warnings.showwarning = others
        with heard_by(found):
            warnings.warn("odd", ZarrUserWarning, stacklevel=1)
    warnings.warn("after", ZarrUserWarning, stacklevel=1)
    assert found.texts == ["odd"]
    assert printed == ["after"]


def test_there_are_few_notes_and_short_ones() -> None:
    found = ReadWarnings()
    for n in range(9):
        found.add(f"{n} {'x' * 999}")
    assert len(found.notes) == 3
    assert max(map(len, found.notes)) < 200


def test_a_zarr_of_two_versions_is_read_with_a_note(tmp_path: Path, printed: list[str]) -> None:
    path = tmp_path / "image.zarr"
    zarr.create_array(path, data=np.zeros((40, 50), np.uint8), zarr_format=2)
    zarr.create_array(path, data=np.ones((40, 50), np.uint8), zarr_format=3)
    printed.clear()
    scan = read_scan(path)
    assert scan.read((), REGION).all()
    (note,) = scan.all_notes
    assert note.startswith("The file is read, but: Both zarr.json")
    assert printed == []


def test_an_odd_tag_of_a_tiff_is_a_note(tmp_path: Path, printed: list[str]) -> None:
    path = tmp_path / "image.tif"
    tifffile.imwrite(path, np.zeros((40, 50), np.uint8), metadata=None)
    with tifffile.TiffFile(path) as file:
        offset = file.pages[0].tags["Software"].offset  # type: ignore[union-attr]
    content = bytearray(path.read_bytes())
    content[offset + 2 : offset + 4] = (99).to_bytes(2, "little")  # a data type that there is not
    path.write_bytes(content)
    scan = read_scan(path)
    (note,) = scan.all_notes
    assert "data type" in note
    assert printed == []

"""The table of image formats: what follows from it, and that a further format is one file and one
line.
"""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest

from napari_unet.errors import OutputError, ScanError
from napari_unet.scans import formats
from napari_unet.scans.formats import registry
from napari_unet.scans.formats.registry import FORMATS, ScanFormat
from napari_unet.scans.read import read_scan
from napari_unet.scans.write import check_output

NPY_MODULE = """
from napari_unet.scans.formats.file_image import FileImage
import numpy as np

def read(path):
    return FileImage(np.load(path, mmap_mode="r"))
"""
NPY_LINE = (
    'ScanFormat(name="NumPy", suffixes=(".npy",), reader="npy_read", '
    'signatures=(b"\\x93NUMPY",), refusal="No axes in .npy.")'
)
DOCS = Path(__file__).parents[3] / "docs" / "files.md"


@pytest.fixture
def folder_of_formats(tmp_path: Path) -> Path:
    """A folder with one more module, `npy_read`."""
    folder = tmp_path / "more"
    folder.mkdir()
    (folder / "npy_read.py").write_text(NPY_MODULE)
    return folder


@pytest.fixture
def with_npy(folder_of_formats: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program with a reader of .npy files: that module, and one line in the table."""
    monkeypatch.setattr(formats, "__path__", [*formats.__path__, str(folder_of_formats)])
    more = eval(NPY_LINE, {"ScanFormat": ScanFormat})
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, more))
    monkeypatch.delitem(sys.modules, "napari_unet.scans.formats.npy_read", raising=False)


@pytest.mark.usefixtures("with_npy")
def test_a_format_is_added_by_a_file_and_a_line(tmp_path: Path) -> None:
    image = np.arange(12, dtype=np.uint16).reshape(3, 4)
    np.save(tmp_path / "image.npy", image)
    assert np.array_equal(read_scan(tmp_path / "image.npy").data, image)
    (tmp_path / "text.npy").write_text("no image")
    with pytest.raises(ScanError, match="not a TIFF, PNG, zarr or NumPy image"):
        read_scan(tmp_path / "text.npy")
    with pytest.raises(OutputError, match=r"^No axes in \.npy\. Name the output \.tif, \.tiff or"):
        check_output(tmp_path / "labels.npy")


def test_the_help_names_an_added_format(folder_of_formats: Path) -> None:
    code = (
        "import sys; from napari_unet.scans.formats import registry;"
        "from napari_unet.scans.formats.registry import ScanFormat;"
        f"registry.FORMATS = (*registry.FORMATS, {NPY_LINE});"
        "sys.argv = ['napari-unet', 'segment', '--help'];"
        "from napari_unet.cli import main; main()"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "TIFF, PNG, zarr or NumPy" in " ".join(ran.stdout.split())


@pytest.mark.parametrize("known", FORMATS, ids=lambda known: known.name)
def test_each_entry_is_whole(known: ScanFormat) -> None:
    assert callable(import_module(f"{formats.__name__}.{known.reader}").read)
    if known.writer:
        assert callable(import_module(f"{formats.__name__}.{known.writer}").write)
    else:
        assert known.refusal.endswith(".")
    assert all(suffix == suffix.lower() and suffix[0] == "." for suffix in known.suffixes)
    assert not (known.signatures and known.markers)


def test_names_and_suffixes_are_used_once() -> None:
    names = [known.name for known in FORMATS]
    suffixes = [suffix for known in FORMATS for suffix in known.suffixes]
    assert len(set(names)) == len(names)
    assert len(set(suffixes)) == len(suffixes)


def test_the_document_names_each_format_and_each_suffix_of_a_result() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for known in FORMATS:
        assert f"| {known.name} |" in text
        for suffix in known.usual_suffixes if known.writer else ():
            assert f"`{suffix}`" in text


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("cell.tif", "cell"),
        ("cell.v2.TIFF", "cell.v2"),
        ("cell.ome.tif", "cell"),
        ("Cell.OME.Tiff", "Cell"),
        ("cell.ome.zarr", "cell"),
        ("cell.zarr", "cell"),
        ("cell.v2.czi", "cell.v2"),
        ("cell", "cell"),
    ],
)
def test_the_stem_of_a_name(name: str, stem: str) -> None:
    assert registry.image_stem(Path("folder") / name) == stem


@pytest.mark.parametrize(
    ("name", "suffix"),
    [("a.tiff", ".tif"), ("a.ome.zarr", ".zarr"), ("a.png", ".tif"), ("a", ".tif")],
)
def test_results_are_in_the_format_of_the_image_where_that_is_written(
    name: str, suffix: str
) -> None:
    assert registry.suffix_like(Path(name)) == suffix


def test_what_people_read_of_the_formats() -> None:
    assert registry.names_read() == "TIFF, PNG or zarr"
    assert registry.result_suffixes() == ".tif, .tiff or .zarr"
    assert registry.resumable_suffixes() == ".zarr"
    assert registry.image_file_filter(registry.resumable_formats()) == "OME-Zarr (*.zarr)"
    assert registry.image_file_filter(FORMATS[:2]) == "TIFF (*.tif *.tiff);;PNG (*.png)"


def test_signatures_further_on_are_found_and_the_name_decides_between_equals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    zipped = {"reader": "", "signatures": (b"\x1f\x8b",)}
    packed = ScanFormat(name="packed", suffixes=(".a.gz",), **zipped)
    other = ScanFormat(name="other", suffixes=(".b.gz",), **zipped)
    begin = {"signatures": (b"n+1\0",), "signature_at": 344}
    inside = ScanFormat(name="inside", suffixes=(".nii",), reader="", **begin)
    monkeypatch.setattr(registry, "FORMATS", (*FORMATS, packed, other, inside))
    (tmp_path / "x.b.gz").write_bytes(b"\x1f\x8b and more")
    assert registry.format_of(tmp_path / "x.b.gz") is other
    (tmp_path / "x.bin").write_bytes(bytes(344) + b"n+1\0")
    assert registry.format_of(tmp_path / "x.bin") is inside

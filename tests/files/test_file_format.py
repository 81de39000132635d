"""Kinds of files: suffixes that are variants of others, and names without them."""

from pathlib import Path

import pytest

from napari_unet.files.file_format import FileFormat, beginning_of, without_suffix

TIFF = FileFormat(name="TIFF", suffixes=(".tif", ".ome.tif"), signatures=(b"II*\0",))
PACKED = FileFormat(name="packed", suffixes=(".a.gz",), signatures=(b"\x1f\x8b",), signature_at=8)


def test_a_suffix_that_ends_in_another_is_no_usual_one() -> None:
    assert TIFF.usual_suffixes == (".tif",)
    assert TIFF.patterns == "*.tif"
    assert PACKED.usual_suffixes == (".a.gz",)


@pytest.mark.parametrize(
    ("name", "stem"),
    [("cell.OME.tif", "cell"), ("cell.v2.tif", "cell.v2"), ("cell.a.gz", "cell"), ("a.b.c", "a.b")],
)
def test_the_longest_suffix_that_is_known_is_left_out(name: str, stem: str) -> None:
    assert without_suffix(Path("folder") / name, (TIFF, PACKED)) == stem


def test_as_much_is_read_as_the_signatures_need(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(bytes(8) + b"\x1f\x8b and more")
    head = beginning_of(tmp_path / "file", (TIFF, PACKED))
    assert head == bytes(8) + b"\x1f\x8b"
    assert PACKED.begins(head)
    assert not TIFF.begins(head)

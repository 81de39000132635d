"""Images whose files say what can not be: a sentence, or the size of their voxels unknown."""

import json
import os
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_unet.errors import NotEnoughMemoryError, ScanError
from napari_unet.scans.formats import png_read
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan

posix = pytest.mark.skipif(os.name != "posix", reason="links and pipes of POSIX")


def png(width: int, height: int) -> bytes:
    parts = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"\0" * 100)),
        (b"IEND", b""),
    )
    chunks = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in parts
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def test_a_zarr_of_an_impossible_length(tmp_path: Path) -> None:
    grid = {"name": "regular", "configuration": {"chunk_shape": [64, 64]}}
    facts = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [10**30, 64],
        "data_type": "uint8",
        "chunk_grid": grid,
        "chunk_key_encoding": {"name": "default"},
        "fill_value": 0,
        "codecs": [{"name": "bytes"}],
        "attributes": {},
    }
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr/zarr.json").write_text(json.dumps(facts))
    with pytest.raises(ScanError, match="no file holds so many"):
        read_scan(tmp_path / "a.zarr")


def test_a_png_of_impossible_sides(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png(2**31 - 1, 7))
    with pytest.raises(ScanError, match="2147483647 × 7 pixels"):
        read_scan(tmp_path / "a.png")


def test_a_png_that_is_larger_than_the_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(content: bytes) -> np.ndarray:
        raise MemoryError("Unable to allocate 931. GiB")

    monkeypatch.setattr(png_read.imagecodecs, "png_decode", decode)
    (tmp_path / "a.png").write_bytes(png(10**6, 10**6))
    with pytest.raises(NotEnoughMemoryError, match="Save it as OME-Zarr"):
        read_scan(tmp_path / "a.png")


@posix
def test_a_link_that_leads_to_itself(tmp_path: Path) -> None:
    (tmp_path / "a.tif").symlink_to("b.tif")
    (tmp_path / "b.tif").symlink_to("a.tif")
    with pytest.raises(ScanError, match="symbolic links"):
        read_scan(tmp_path / "a.tif")


@posix
def test_named_pipes_and_devices_are_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.tif")
    for path in (tmp_path / "a.tif", Path("/dev/zero")):
        with pytest.raises(ScanError, match="only files and folders are read"):
            read_scan(path)


@pytest.mark.parametrize("size", [1e-300, 1e300])
def test_a_voxel_size_that_can_not_be(tmp_path: Path, size: float) -> None:
    image = np.zeros((4, 5), np.uint8)
    with pytest.raises(ScanError, match="is none that an image has"):
        Scan(image, "yx", (size, size), "um")
    assert Scan(image, "yx", (2e-7, 2e-7), "m").spacing == (2e-7, 2e-7)
    sizes = {"PhysicalSizeX": size, "PhysicalSizeY": size}
    tifffile.imwrite(tmp_path / "a.ome.tif", image, metadata={"axes": "YX", **sizes})
    assert read_scan(tmp_path / "a.ome.tif").unit == "pixel"

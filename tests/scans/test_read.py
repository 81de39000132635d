"""PNG and zarr images, and what is none."""

import struct
import zlib
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
import zarr

from napari_unet.errors import ScanError
from napari_unet.scans.read import read_scan

GREY = np.random.default_rng(0).integers(0, 255, (20, 30), dtype=np.uint8)


def png(folder: Path, data: np.ndarray) -> Path:
    path = folder / "image.png"
    path.write_bytes(imagecodecs.png_encode(data))
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(path: Path, extra: bytes) -> Path:
    """Put a chunk right after the header (8 bytes of signature, 25 of IHDR)."""
    content = path.read_bytes()
    path.write_bytes(content[:33] + extra + content[33:])
    return path


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_png(tmp_path: Path, dtype: type) -> None:
    data = GREY.astype(dtype) * (250 if dtype is np.uint16 else 1)
    scan = read_scan(png(tmp_path, data))
    assert (scan.axes, scan.rgb, scan.spacing_known) == ("yx", False, False)
    assert scan.data.dtype == dtype
    assert np.array_equal(scan.data, data)


@pytest.mark.parametrize("channels", [3, 4])
def test_colour_png(tmp_path: Path, channels: int) -> None:
    data = np.random.default_rng(0).integers(0, 255, (20, 30, channels), dtype=np.uint8)
    path = png(tmp_path, data)
    assert (read_scan(path).axes, read_scan(path).rgb) == ("yxc", True)
    assert np.array_equal(read_scan(path, channels=3).data, data[..., :3])


def test_grey_png_with_transparency(tmp_path: Path) -> None:
    scan = read_scan(png(tmp_path, np.stack([GREY, np.full_like(GREY, 9)], -1)))
    assert (scan.axes, scan.rgb) == ("yx", False)
    assert np.array_equal(scan.data, GREY)


def test_png_with_a_palette(tmp_path: Path) -> None:
    indices = np.array([[0, 1, 2], [2, 1, 0]], np.uint8)
    table = np.array([[10, 20, 30], [40, 50, 60], [70, 80, 90]], np.uint8)
    rows = b"".join(b"\0" + row.tobytes() for row in indices)
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 3, 2, 8, 3, 0, 0, 0))
    body = (
        chunk(b"PLTE", table.tobytes()) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    )
    path = tmp_path / "palette.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + body)
    scan = read_scan(path)
    assert scan.rgb
    assert np.array_equal(scan.data, table[indices])


def test_pixel_size_of_a_png(tmp_path: Path) -> None:
    fine = with_chunk(
        png(tmp_path, GREY), chunk(b"pHYs", struct.pack(">IIB", 5_000_000, 4_000_000, 1))
    )
    assert read_scan(fine).spacing == pytest.approx((0.25, 0.2))
    print_resolution = with_chunk(
        png(tmp_path, GREY), chunk(b"pHYs", struct.pack(">IIB", 2835, 2835, 1))
    )
    assert not read_scan(print_resolution).spacing_known


def test_the_content_decides_not_the_name(tmp_path: Path) -> None:
    path = png(tmp_path, GREY).rename(tmp_path / "image.tif")
    assert np.array_equal(read_scan(path).data, GREY)


def zarr_array(path: Path, version: int, **more: Any) -> zarr.Array[Any]:
    array = zarr.create_array(
        path, shape=(4, 20, 30), chunks=(2, 10, 10), dtype="u2", zarr_format=version, **more
    )
    array[...] = np.arange(4 * 20 * 30).reshape(4, 20, 30)
    return array


@pytest.mark.parametrize(
    ("version", "more"),
    [
        (2, {"attributes": {"_ARRAY_DIMENSIONS": ["time", "y", "x"]}}),
        (3, {"attributes": {"_ARRAY_DIMENSIONS": ["time", "y", "x"]}}),
        (3, {"dimension_names": ["t", "y", "x"]}),
    ],
)
def test_plain_zarr_with_named_axes(tmp_path: Path, version: int, more: dict[str, Any]) -> None:
    zarr_array(tmp_path / "image.zarr", version, **more)
    scan = read_scan(tmp_path / "image.zarr")
    assert scan.axes == "tyx"
    assert scan.read((2,), (slice(3, 4), slice(5, 7))).tolist() == [
        [[2 * 600 + 3 * 30 + 5, 2 * 600 + 3 * 30 + 6]]
    ]


def test_plain_zarr_without_names_is_guessed(tmp_path: Path) -> None:
    zarr_array(tmp_path / "image.zarr", 3)
    assert read_scan(tmp_path / "image.zarr").axes == "zyx"


def test_plain_zarr_that_ends_in_three_numbers_is_in_colour(tmp_path: Path) -> None:
    zarr.create_array(tmp_path / "image.zarr", shape=(40, 50, 3), dtype="u1")
    assert (read_scan(tmp_path / "image.zarr").axes, read_scan(tmp_path / "image.zarr").rgb) == (
        "yxc",
        True,
    )
    zarr.create_array(tmp_path / "small.zarr", shape=(40, 5, 3), dtype="u1")
    assert read_scan(tmp_path / "small.zarr").axes == "zyx"


def ngff(path: Path, version: int, unit: str = "micrometer") -> None:
    axes = [
        {"name": "c", "type": "channel"},
        *({"name": a, "type": "space", "unit": unit} for a in "zyx"),
    ]
    datasets = [
        {
            "path": str(level),
            "coordinateTransformations": [
                {"type": "scale", "scale": [1, 1.0, 0.25 * 2**level, 0.25 * 2**level]}
            ],
        }
        for level in range(2)
    ]
    image = {
        "axes": axes,
        "datasets": datasets,
        "coordinateTransformations": [{"type": "scale", "scale": [1, 2.0, 1, 1]}],
    }
    attributes = (
        {"multiscales": [image]}
        if version == 2
        else {"ome": {"version": "0.5", "multiscales": [image]}}
    )
    group = zarr.create_group(path, zarr_format=version, attributes=attributes)
    for level in range(2):
        group.create_array(
            str(level), shape=(2, 4, 16 >> level, 20 >> level), chunks=(1, 2, 8, 8), dtype="u1"
        )


@pytest.mark.parametrize("version", [2, 3])
def test_ome_ngff_gives_the_finest_level_with_its_scale(tmp_path: Path, version: int) -> None:
    ngff(tmp_path / "image.zarr", version)
    scan = read_scan(tmp_path / "image.zarr")
    assert (scan.axes, scan.shape) == ("czyx", (2, 4, 16, 20))
    assert (scan.spacing, scan.unit) == ((2.0, 0.25, 0.25), "um")


def test_ome_ngff_in_other_units(tmp_path: Path) -> None:
    ngff(tmp_path / "mm.zarr", 3, "millimeter")
    assert read_scan(tmp_path / "mm.zarr").spacing == (2000.0, 250.0, 250.0)
    ngff(tmp_path / "none.zarr", 3, "")
    assert not read_scan(tmp_path / "none.zarr").spacing_known


def test_a_converted_file_has_its_image_one_level_down(tmp_path: Path) -> None:
    zarr.create_group(
        tmp_path / "image.zarr", zarr_format=2, attributes={"bioformats2raw.layout": 3}
    )
    ngff(tmp_path / "image.zarr" / "0", 2)
    assert read_scan(tmp_path / "image.zarr").axes == "czyx"


def test_a_group_of_one_array_is_that_array(tmp_path: Path) -> None:
    group = zarr.create_group(tmp_path / "image.zarr")
    group.create_array("raw", shape=(20, 30), dtype="u1")
    assert read_scan(tmp_path / "image.zarr").axes == "yx"
    group.create_array("other", shape=(20, 30), dtype="u1")
    with pytest.raises(ScanError, match="group of 2 members"):
        read_scan(tmp_path / "image.zarr")


def test_a_damaged_chunk_is_reported_when_it_is_read(tmp_path: Path) -> None:
    zarr_array(tmp_path / "image.zarr", 3)
    (tmp_path / "image.zarr" / "c" / "0" / "0" / "0").write_bytes(b"\1\2\3")
    scan = read_scan(tmp_path / "image.zarr")
    assert scan.read((3,), (slice(0, 5), slice(0, 5))).shape == (1, 5, 5)
    with pytest.raises(ScanError, match=r"image\.zarr can not be read"):
        scan.read((0,), (slice(0, 5), slice(0, 5)))


def test_files_that_are_no_images(tmp_path: Path) -> None:
    (tmp_path / "empty.tif").touch()
    (tmp_path / "text.png").write_text("this is not an image")
    (tmp_path / "head.tif").write_bytes(b"II*\0")
    (tmp_path / "cut.png").write_bytes(png(tmp_path, GREY).read_bytes()[:200])
    (tmp_path / "folder").mkdir()
    (tmp_path / "broken.zarr").mkdir()
    (tmp_path / "broken.zarr" / "zarr.json").write_text("{")
    wrong = {
        "empty.tif": "empty file",
        "text.png": "not a TIFF, PNG or zarr",
        "head.tif": "head.tif",
        "cut.png": "cut.png can not be read",
        "folder": "not a zarr image",
        "broken.zarr": "broken.zarr can not be read",
        "nothing.tif": "There is no image",
    }
    for name, words in wrong.items():
        with pytest.raises(ScanError, match=words) as caught:
            read_scan(tmp_path / name)
        assert "\n" not in str(caught.value)

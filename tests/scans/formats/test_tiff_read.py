"""TIFF files of many makers: their axes, voxel sizes and compressions."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from helpers.file_sets import OME, PIXELS, write_set
from helpers.tiny import tiny_spec
from napari_unet.errors import ScanError
from napari_unet.scans.formats import tiff_read
from napari_unet.scans.formats.file_image import StoredArray
from napari_unet.scans.read import read_scan
from napari_unet.segment.check import notes
from napari_unet.segment.settings import SegmentSettings

STACK = np.random.default_rng(0).integers(0, 255, (5, 40, 50), dtype=np.uint8)


def write(folder: Path, data: np.ndarray, **options: Any) -> Path:
    path = folder / "image.tif"
    tifffile.imwrite(path, data, **options)
    return path


def pixels(path: Path, **more: Any) -> np.ndarray:
    return np.asarray(read_scan(path, **more).data[...])


@pytest.mark.parametrize("compression", ["none", "lzw", "zlib", "packbits", "zstd"])
@pytest.mark.parametrize("dtype", ["uint8", ">u2", "float32"])
def test_lossless_compressions(tmp_path: Path, compression: str, dtype: str) -> None:
    data = STACK.astype(dtype)
    path = write(
        tmp_path,
        data,
        compression=None if compression == "none" else compression,
        byteorder=">" if dtype[0] == ">" else "<",
    )
    assert read_scan(path).axes == "zyx"
    assert np.array_equal(pixels(path), data)


def test_jpeg_in_tiff_in_grey_and_in_colour(tmp_path: Path) -> None:
    ramp = np.tile(np.arange(64, dtype=np.uint8) * 3, (64, 1))
    grey = read_scan(
        write(tmp_path, ramp, compression="jpeg", compressionargs={"level": 95}, tile=(32, 32))
    )
    assert grey.axes == "yx"
    assert np.abs(np.asarray(grey.data).astype(int) - ramp).max() < 6
    colour = read_scan(
        write(
            tmp_path, np.stack([ramp] * 3, -1), compression="jpeg", photometric="rgb", tile=(32, 32)
        )
    )
    assert (colour.axes, colour.rgb, colour.channels) == ("yxc", True, 1)


@pytest.mark.parametrize(
    ("axes", "shape"),
    [
        ("ZYX", (5, 40, 50)),
        ("TYX", (5, 40, 50)),
        ("CYX", (3, 40, 50)),
        ("TZYX", (2, 5, 40, 50)),
        ("ZCYX", (5, 2, 40, 50)),
    ],
)
@pytest.mark.parametrize("kind", ["imagej", "ome"])
def test_axes_are_those_of_the_file(
    tmp_path: Path, axes: str, shape: tuple[int, ...], kind: str
) -> None:
    path = write(tmp_path, np.zeros(shape, np.uint16), metadata={"axes": axes}, **{kind: True})
    assert read_scan(path).axes == axes.lower()


def test_axes_that_are_given_win(tmp_path: Path) -> None:
    path = write(tmp_path, STACK, imagej=True, metadata={"axes": "ZYX"})
    assert read_scan(path, axes="tyx").axes == "tyx"
    with pytest.raises(ScanError, match="one letter for each"):
        read_scan(path, axes="yx")


def test_unnamed_axes_are_guessed_for_the_model(tmp_path: Path) -> None:
    path = write(tmp_path, STACK[:3], photometric="minisblack")
    assert read_scan(path).axes == "zyx"
    assert read_scan(path, channels=3).axes == "cyx"


def test_spacing_of_imagej(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "spacing": 2.0, "unit": "\\u00B5m"}
    scan = read_scan(
        write(tmp_path, STACK, imagej=True, resolution=(1 / 0.25, 1 / 0.5), metadata=metadata)
    )
    assert scan.spacing == pytest.approx((2.0, 0.5, 0.25))
    assert scan.unit == "um"


def test_spacing_of_ome_in_its_own_units(tmp_path: Path) -> None:
    sizes = {
        "PhysicalSizeX": 250,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.5,
        "PhysicalSizeZ": 0.002,
        "PhysicalSizeZUnit": "mm",
    }
    scan = read_scan(write(tmp_path, STACK, ome=True, metadata={"axes": "ZYX", **sizes}))
    assert scan.spacing == pytest.approx((2.0, 0.5, 0.25))


def test_spacing_of_resolution_tags(tmp_path: Path) -> None:
    scan = read_scan(
        write(
            tmp_path,
            STACK[0],
            resolution=(1e4 / 0.2, 1e4 / 0.4),
            resolutionunit="CENTIMETER",
            metadata=None,
        )
    )
    assert scan.spacing == pytest.approx((0.4, 0.2))
    depth = read_scan(
        write(tmp_path, STACK, resolution=(1e4 / 0.2, 1e4 / 0.4), resolutionunit="CENTIMETER")
    )
    assert depth.spacing == pytest.approx((0.4, 0.4, 0.2))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"resolution": (300, 300), "resolutionunit": "INCH"},
        {"resolution": (7, 7), "resolutionunit": "NONE"},
        {"imagej": True, "metadata": {"axes": "ZYX", "unit": "pixel", "spacing": 2.0}},
        {
            "ome": True,
            "metadata": {
                "axes": "ZYX",
                "PhysicalSizeX": 3,
                "PhysicalSizeXUnit": "pixel",
                "PhysicalSizeY": 3,
            },
        },
    ],
)
def test_spacing_that_is_not_known(tmp_path: Path, options: dict[str, Any]) -> None:
    scan = read_scan(write(tmp_path, STACK, **options))
    assert not scan.spacing_known
    assert scan.spacing == (1.0, 1.0, 1.0)


def test_spacing_that_is_given_wins(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        STACK,
        imagej=True,
        resolution=(4, 4),
        metadata={"axes": "ZYX", "unit": "um", "spacing": 2.0},
    )
    assert read_scan(path, spacing=(3, 1, 1)).spacing == (3, 1, 1)
    with pytest.raises(ScanError, match="2 spacings"):
        read_scan(path, spacing=(1, 1))


def test_colours_in_a_palette_are_colours_but_an_imagej_look_up_table_is_not(
    tmp_path: Path,
) -> None:
    table = np.zeros((3, 256), np.uint16)
    table[0] = np.arange(256) * 257
    coloured = read_scan(write(tmp_path, STACK[0], photometric="palette", colormap=table))
    assert (coloured.axes, coloured.rgb) == ("yxc", True)
    assert np.array_equal(coloured.data[..., 0], STACK[0])
    grey = read_scan(write(tmp_path, STACK[0], imagej=True, photometric="palette", colormap=table))
    assert (grey.axes, grey.rgb) == ("yx", False)
    assert np.array_equal(grey.data, STACK[0])


def test_colours_are_channels_for_a_model_of_three(tmp_path: Path) -> None:
    path = write(tmp_path, np.zeros((40, 50, 3), np.uint8), photometric="rgb")
    assert (read_scan(path).rgb, read_scan(path).channels) == (True, 1)
    assert (read_scan(path, channels=3).rgb, read_scan(path, channels=3).channels) == (False, 3)


@pytest.mark.parametrize(
    "options",
    [{}, {"compression": "zlib"}, {"compression": "zlib", "tile": (16, 16)}, {"byteorder": ">"}],
)
def test_a_large_file_stays_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: dict[str, Any]
) -> None:
    monkeypatch.setattr(tiff_read, "LAZY_BYTES", 100)
    scan = read_scan(write(tmp_path, STACK.astype(np.uint16), metadata={"axes": "ZYX"}, **options))
    assert isinstance(scan.data, np.memmap) or not isinstance(scan.data, np.ndarray)
    assert np.array_equal(scan.read((3,), (slice(5, 20), slice(7, 33)))[0], STACK[3, 5:20, 7:33])


def test_a_pyramid_is_read_at_its_finest_level(tmp_path: Path) -> None:
    path = tmp_path / "pyramid.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(STACK[0], subifds=1, tile=(16, 16))
        writer.write(STACK[0, ::2, ::2], subfiletype=1, tile=(16, 16))
    assert np.array_equal(pixels(path), STACK[0])


@pytest.mark.parametrize(
    "options",
    [
        {"imagej": True},
        {"ome": True},
        {"compression": "zlib"},
        {"tile": (16, 16)},
        {"metadata": None},
        {"bigtiff": True},
    ],
)
def test_a_truncated_file_is_never_read_as_a_smaller_image(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    path = write(tmp_path, STACK, photometric="minisblack", **options)
    whole = path.read_bytes()
    refused = 0
    for end in range(0, len(whole), 331):
        path.write_bytes(whole[:end])
        try:
            assert np.array_equal(pixels(path), STACK), f"cut at {end} of {len(whole)} bytes"
        except ScanError:
            refused += 1
    assert refused > 20


def test_a_damaged_part_of_a_large_file_is_reported_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_read, "LAZY_BYTES", 100)
    path = write(tmp_path, STACK, compression="zlib", metadata={"axes": "ZYX"})
    with tifffile.TiffFile(path) as file:
        offset = file.pages[2].dataoffsets[0]
    content = bytearray(path.read_bytes())
    content[offset : offset + 40] = b"\0" * 40
    path.write_bytes(content)
    scan = read_scan(path)
    assert scan.read((0,), (slice(0, 9), slice(0, 9))).shape == (1, 9, 9)
    with pytest.raises(ScanError, match=r"image\.tif can not be read"):
        scan.read((2,), (slice(0, 9), slice(0, 9)))


def test_memory_that_is_not_enough_for_a_part_is_no_damage_of_the_file(tmp_path: Path) -> None:
    class Large:
        shape = (10, 10)
        dtype = np.uint8

        def __getitem__(self, index: object) -> np.ndarray:
            raise MemoryError

    with pytest.raises(MemoryError):
        StoredArray(Large(), tmp_path / "image.tif")[:5]


def test_further_images_in_a_file_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "image.tif"
    with tifffile.TiffWriter(path) as file:
        file.write(STACK, photometric="minisblack")
        file.write(STACK[0, :9, :9])
        file.write(STACK[0, :5, :5], subfiletype=1)
    scan = read_scan(path)
    assert scan.shape == STACK.shape
    assert scan.notes == (
        "image.tif holds 2 images, of which the first is used; export the others as files of "
        "their own.",
    )
    assert scan.notes[0] in notes(tiny_spec(), scan, SegmentSettings())
    assert read_scan(write(tmp_path, STACK)).notes == ()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_what_is_white_at_0_is_turned_round(tmp_path: Path, dtype: type) -> None:
    data = STACK[0].astype(dtype)
    path = write(tmp_path, data, photometric="miniswhite")
    assert np.array_equal(pixels(path), np.iinfo(dtype).max - data)


def test_a_large_file_that_is_white_at_0_is_turned_round_where_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_read, "LAZY_BYTES", 0)
    path = write(tmp_path, STACK[0], photometric="miniswhite")
    scan = read_scan(path)
    assert not isinstance(scan.data, np.ndarray)
    assert np.array_equal(scan.data[3:9, 5:11], 255 - STACK[0, 3:9, 5:11])


def test_an_inverting_table_of_imagej_only_shows(tmp_path: Path) -> None:
    path = write(tmp_path, STACK[0], imagej=True, photometric="miniswhite")
    assert np.array_equal(pixels(path), STACK[0])


def test_imagej_has_units_of_its_own_for_y_and_z(tmp_path: Path) -> None:
    metadata = {"axes": "ZYX", "unit": "nm", "spacing": 0.05, "zunit": "micron"}
    path = write(tmp_path, STACK, imagej=True, resolution=(0.2, 0.2), metadata=metadata)
    assert read_scan(path).spacing == pytest.approx((0.05, 0.005, 0.005), rel=1e-3)
    metadata = {"unit": "micron", "yunit": "nm"}
    path = write(tmp_path, STACK[0], imagej=True, resolution=(2, 1 / 500), metadata=metadata)
    assert read_scan(path).spacing == pytest.approx((0.5, 0.5), rel=1e-3)


@pytest.mark.parametrize(("unit", "per_unit"), [("inch", 300), ("inches", 72), ("cm", 118.11)])
def test_a_printing_resolution_of_imagej_is_no_pixel_size(
    tmp_path: Path, unit: str, per_unit: float
) -> None:
    resolution = (per_unit, per_unit)
    path = write(tmp_path, STACK[0], imagej=True, resolution=resolution, metadata={"unit": unit})
    assert read_scan(path).unit == "pixel"


def test_a_set_of_files_is_one_image(tmp_path: Path) -> None:
    names = ["z0.ome.tif", "z1.ome.tif", "z2.ome.tif"]
    write_set(tmp_path, names, STACK)
    assert np.array_equal(pixels(tmp_path / names[1]), STACK[:3])


def test_a_set_with_a_file_missing_is_refused_by_name(tmp_path: Path) -> None:
    names = ["z0.ome.tif", "z1.ome.tif", "z2.ome.tif"]
    write_set(tmp_path, names, STACK)
    (tmp_path / names[1]).unlink()
    with pytest.raises(ScanError, match=r"1 of the 3 planes of z0\.ome\.tif are missing: z1\.ome"):
        read_scan(tmp_path / names[0])


def test_a_file_of_a_set_that_was_copied_alone_is_refused(tmp_path: Path) -> None:
    names = ["z0.ome.tif", "z1.ome.tif", "z2.ome.tif"]
    write_set(tmp_path, names, STACK)
    alone = tmp_path / "alone"
    alone.mkdir()
    (tmp_path / names[2]).rename(alone / "mine.ome.tif")
    with pytest.raises(ScanError, match="2 of the 3 planes of mine"):
        read_scan(alone / "mine.ome.tif")


def test_a_single_file_may_be_renamed(tmp_path: Path) -> None:
    write_set(tmp_path, ["one.ome.tif"], STACK)
    (tmp_path / "one.ome.tif").rename(tmp_path / "mine.ome.tif")
    assert np.array_equal(pixels(tmp_path / "mine.ome.tif"), STACK[0])


def test_planes_that_another_file_describes_are_refused(tmp_path: Path) -> None:
    text = OME.format(0, "").replace(
        '<Image ID="Image:0"></Image>',
        '<BinaryOnly MetadataFile="all.companion.ome" UUID="urn:uuid:9"/>',
    )
    path = tmp_path / "part.ome.tif"
    tifffile.imwrite(path, STACK[0], description=text.encode(), metadata=None)
    with pytest.raises(ScanError, match=r"a part of an image that all\.companion\.ome describes"):
        read_scan(path)


@pytest.mark.parametrize("text", ["cells & nuclei", "a\x01b", "</Image>"])
def test_a_damaged_description_leaves_the_pixels(tmp_path: Path, text: str) -> None:
    path = tmp_path / "image.ome.tif"
    xml = OME.format(0, text + PIXELS.format(1, 40, 50, "<TiffData/>", "uint8"))
    tifffile.imwrite(path, STACK[0], description=xml.encode(), metadata=None)
    scan = read_scan(path)
    assert np.array_equal(scan.data, STACK[0])
    assert scan.unit == "pixel"
    assert "description (OME-XML) of image.ome.tif is damaged" in scan.notes[0]


def test_the_value_of_no_data_is_that_of_gdal(tmp_path: Path) -> None:
    path = write(tmp_path, STACK[0], extratags=[(42113, "s", 0, "-9999", True)])
    assert read_scan(path).no_data == -9999

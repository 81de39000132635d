"""Masks as other programs write them become classes, and a note says so."""

import struct
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pytest
import tifffile
import zarr

from napari_unet.errors import ScanError
from napari_unet.scans.formats.file_image import StoredArray
from napari_unet.scans.formats.png_read import SIGNATURE_BYTES, _joined
from napari_unet.scans.labels import levels_among, read_labels, read_trust
from napari_unet.scans.read import read_scan

MASK = np.zeros((9, 14), np.uint8)
MASK[2:5, 3:9] = 1
CLASSES = MASK.copy()
CLASSES[6:8, 2:6] = 2


def values(path: Path) -> np.ndarray:
    return np.asarray(read_labels([path])[0].data[...])


def palette_png(path: Path, indices: np.ndarray, bits: int) -> Path:
    """A PNG with a colour table, which imagecodecs can not write."""
    rows = [np.packbits(_bits(row, bits)).tobytes() for row in indices]
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", *indices.shape[::-1], bits, 3, 0, 0, 0)),
        (b"PLTE", bytes([255, 255, 255, 220, 20, 60, 0, 0, 9])),
        (b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows))),
        (b"IEND", b""),
    ]
    signature = imagecodecs.png_encode(MASK)[:SIGNATURE_BYTES]
    path.write_bytes(signature + _joined(chunks))
    return path


def _bits(row: np.ndarray, bits: int) -> np.ndarray:
    return np.unpackbits(row[:, None], axis=1)[:, 8 - bits :].ravel()


@pytest.mark.parametrize("most", [255, 65535])
def test_0_and_the_largest_value_are_background_and_class_1(tmp_path: Path, most: int) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, (MASK * np.array(most)).astype(np.min_scalar_type(most)))
    np.testing.assert_array_equal(values(path), MASK)
    assert read_labels([path])[0].notes == (
        f"2 values, 0 and {most}: read as background and class 1.",
    )


def test_grey_levels_are_classes_in_their_order(tmp_path: Path) -> None:
    path = tmp_path / "mask.png"
    path.write_bytes(imagecodecs.png_encode((CLASSES * 127.5).astype(np.uint8)))
    np.testing.assert_array_equal(values(path), CLASSES)
    assert (
        "0, 127 and 255: read as background, class 1 and class 2" in read_labels([path])[0].notes[0]
    )


@pytest.mark.parametrize("numbers", [[0, 1], [0, 2], [0, 5, 7], [0, 1, 2, 255], [0, 100, 255]])
def test_other_numbers_are_what_they_are(tmp_path: Path, numbers: list[int]) -> None:
    path = tmp_path / "labels.tif"
    labels = np.resize(np.array(numbers, np.uint8), (6, 8))
    tifffile.imwrite(path, labels)
    np.testing.assert_array_equal(values(path), labels)
    assert read_labels([path])[0].notes == ()


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_the_numbers_behind_a_png_palette_are_the_labels(tmp_path: Path, bits: int) -> None:
    path = palette_png(tmp_path / "labels.png", CLASSES, bits)
    np.testing.assert_array_equal(values(path), CLASSES)
    assert read_labels([path])[0].axes == "yx"
    assert read_scan(path).rgb


def test_the_numbers_behind_a_tiff_palette_are_the_labels(tmp_path: Path) -> None:
    path = tmp_path / "labels.tif"
    table = np.zeros((3, 256), np.uint16)
    table[:, 1] = 65535, 0, 0
    tifffile.imwrite(path, CLASSES, photometric="palette", colormap=table)
    np.testing.assert_array_equal(values(path), CLASSES)
    assert read_scan(path).rgb


def test_a_mask_of_one_bit_by_tifffile_is_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "mask.tif"
    tifffile.imwrite(path, MASK.astype(bool))
    np.testing.assert_array_equal(values(path), MASK)


def write_masks(folder: Path, *masks: np.ndarray) -> list[Path]:
    paths = [folder / f"{number}.tif" for number in range(len(masks))]
    for path, mask in zip(paths, masks, strict=True):
        tifffile.imwrite(path, mask)
    return paths


def test_a_grey_level_is_the_same_class_in_all_files(tmp_path: Path) -> None:
    grey = (CLASSES * 127.5).astype(np.uint8)
    first, second = read_labels(write_masks(tmp_path, grey, np.where(grey == 255, grey, 0)))
    np.testing.assert_array_equal(first.data[...], CLASSES)
    np.testing.assert_array_equal(second.data[...], np.where(CLASSES == 2, 2, 0))


def test_labels_beside_a_mask_stay_what_they_are(tmp_path: Path) -> None:
    first, second = read_labels(write_masks(tmp_path, MASK, MASK * np.uint8(255)))
    np.testing.assert_array_equal(first.data[...], MASK)
    np.testing.assert_array_equal(second.data[...], MASK)
    assert first.notes == ()


def test_grey_levels_that_contradict_each_other_are_refused(tmp_path: Path) -> None:
    thirds = (CLASSES * 85).astype(np.uint8)
    thirds[0, 0] = 255
    halves = (CLASSES * 127.5).astype(np.uint8)
    with pytest.raises(ScanError, match="grey levels 0, 85, 127, 170 and 255"):
        read_labels(write_masks(tmp_path, thirds, halves))


def test_of_ordinary_labels_only_the_first_chunks_are_read(tmp_path: Path) -> None:
    path = tmp_path / "labels.zarr"
    labels = np.tile(MASK, (8, 8))
    zarr.create_array(path, data=labels, chunks=MASK.shape)
    read = []
    real = StoredArray.__getitem__

    def watched(self: StoredArray, index: object) -> np.ndarray:
        read.append(index)
        return real(self, index)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(StoredArray, "__getitem__", watched)
        read_labels([path])
    assert len(read) == 1


def written(path: Path, array: np.ndarray) -> Path:
    tifffile.imwrite(path, array, photometric="minisblack")
    return path


@pytest.mark.parametrize(
    ("array", "labels", "note"),
    [
        (MASK * np.float32(255), MASK, "2 values, 0 and 255: read as background and class 1."),
        (MASK * 65535.0, MASK, "2 values, 0 and 65535: read as background and class 1."),
        (MASK.astype(np.float32), MASK, "2 values, 0 and 1: read as background and class 1."),
        (CLASSES * np.float32(127.5), None, ""),
        (CLASSES * 40.0, CLASSES * 40, "The values are float64, and all of them whole"),
        (MASK * 0.5, None, ""),
        (MASK * -1.0, None, ""),
        (np.where(MASK, np.nan, 0.0), None, ""),
    ],
)
def test_real_numbers_that_are_whole_are_read_as_such(
    tmp_path: Path, array: np.ndarray, labels: np.ndarray | None, note: str
) -> None:
    (scan,) = read_labels([written(tmp_path / "mask.tif", array)])
    if labels is None:
        assert scan.data.dtype == array.dtype
        assert scan.notes == ()
    else:
        assert scan.data.dtype.kind == "u"
        np.testing.assert_array_equal(scan.data[...], labels)
        assert scan.notes[0].startswith(note)


TRUST = CLASSES  # 0 is not trusted, 1 painted, 2 reviewed


@pytest.mark.parametrize(
    ("levels", "note"),
    [
        ((0, 1, 2), ""),
        ((0, 255), "2 values, 0 and 255: read as not trusted and painted."),
        ((0, 127, 255), "3 values, 0, 127 and 255: read as not trusted, painted and reviewed."),
        ((0.0, 1.0, 2.0), "3 values, 0, 1 and 2: read as not trusted, painted and reviewed."),
    ],
)
def test_trust_masks_of_grey_levels(tmp_path: Path, levels: tuple[float, ...], note: str) -> None:
    wanted = TRUST % len(levels)
    array = np.array(levels, "f4" if isinstance(levels[0], float) else "u1")[wanted]
    (scan,) = read_trust([written(tmp_path / "trust.tif", array)])
    np.testing.assert_array_equal(scan.data[...], wanted)
    assert scan.notes == ((note,) if note else ())


def test_a_trust_mask_with_a_colour_table_has_its_numbers(tmp_path: Path) -> None:
    path = palette_png(tmp_path / "trust.png", TRUST, 2)
    (scan,) = read_trust([path])
    np.testing.assert_array_equal(scan.data[...], TRUST)


def test_more_levels_than_trust_has_are_left_as_they_are(tmp_path: Path) -> None:
    array = np.arange(36, dtype=np.uint8).reshape(6, 6) % 4 * 85
    (scan,) = read_trust([written(tmp_path / "trust.tif", array)])
    np.testing.assert_array_equal(scan.data[...], array)
    assert scan.notes == ()


@pytest.mark.parametrize("values", [{2**64 - 1}, {1, 255}, {200}, {-1, 255}, {0}, set(), {0, 254}])
def test_labels_are_not_taken_for_levels(values: set[int]) -> None:
    assert levels_among(values, 2**64 - 1) is None

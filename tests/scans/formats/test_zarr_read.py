"""Zarr groups of every kind: what is read of them, and what can be chosen instead."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from napari_unet.errors import ScanError
from napari_unet.scans.read import read_scan

IMAGE = np.arange(2 * 3 * 8 * 9, dtype=np.uint16).reshape(2, 1, 3, 8, 9)


def write_image(group: zarr.Group, data: np.ndarray, **multiscale: Any) -> None:
    group.create_array("0", data=data)
    group.attrs["multiscales"] = [{"datasets": [{"path": "0"}], **multiscale}]


@pytest.mark.parametrize("version", ["0.1", "0.2"])
def test_versions_without_names_have_their_axes_in_one_order(tmp_path: Path, version: str) -> None:
    path = tmp_path / "image.zarr"
    write_image(zarr.open_group(path, mode="w", zarr_format=2), IMAGE, version=version)
    assert read_scan(path).axes == "tczyx"


def test_axes_of_version_3_are_names(tmp_path: Path) -> None:
    path = tmp_path / "image.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    write_image(group, IMAGE[0, 0], version="0.3", axes=["t", "y", "x"])
    assert read_scan(path).axes == "tyx"


def test_a_plate_says_what_it_is_and_what_to_open(tmp_path: Path) -> None:
    path = tmp_path / "plate.zarr"
    plate = zarr.open_group(path, mode="w")
    plate.attrs["ome"] = {"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}]}}
    with pytest.raises(ScanError, match=r"a plate of 2 wells.*such as plate\.zarr/A/1/0"):
        read_scan(path)


def test_a_well_says_what_it_is_and_what_to_open(tmp_path: Path) -> None:
    path = tmp_path / "1"
    well = zarr.open_group(path, mode="w")
    well.attrs["ome"] = {"well": {"images": [{"path": "0"}]}}
    with pytest.raises(ScanError, match=r"a well of 1 image.*such as 1/0"):
        read_scan(path)


def test_a_group_of_several_arrays_names_them(tmp_path: Path) -> None:
    path = tmp_path / "group.zarr"
    group = zarr.open_group(path, mode="w")
    for name in ("raw", "mask"):
        group.create_array(name, data=IMAGE[0, 0])
    with pytest.raises(ScanError, match=r"a group of 2 members.*group\.zarr/mask.*mask and raw"):
        read_scan(path)


def test_of_a_collection_the_first_image_is_read_and_the_others_are_named(tmp_path: Path) -> None:
    path = tmp_path / "all.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=2)
    group.attrs["bioformats2raw.layout"] = 3
    for number in range(3):
        write_image(group.create_group(str(number)), IMAGE + number, version="0.4")
    scan = read_scan(path)
    assert np.array_equal(scan.data[...], IMAGE)
    assert "holds 3 images" in scan.notes[0]
    assert "all.zarr/1" in scan.notes[0]


@pytest.mark.parametrize(("value", "wanted"), [(-9999, -9999.0), ("none", None), (True, None)])
def test_the_value_of_no_data_is_that_of_xarray(
    tmp_path: Path, value: object, wanted: float | None
) -> None:
    path = tmp_path / "image.zarr"
    array = zarr.create_array(path, data=IMAGE[0, 0].astype(np.int32))
    array.attrs["_FillValue"] = value
    assert read_scan(path).no_data == wanted

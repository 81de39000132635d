"""Channels are chosen by name or number, and nothing is read before it is needed."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.errors import ScanError
from napari_unet.scans.channels import channel_names, pick_channels
from napari_unet.scans.read import read_scan
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.run import segment

NAMES = ("DAPI", "GFP", "488")
DATA = np.random.default_rng(0).integers(0, 200, (4, 3, 40, 50), dtype=np.uint8)


class Watched:
    """An array that notes which parts of it are read."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array
        self.shape = array.shape
        self.dtype = array.dtype
        self.chunks = (1, 1, 20, 20)
        self.read: list[object] = []

    def __getitem__(self, index: object) -> np.ndarray:
        self.read.append(index)
        return self.array[index]


def scan(data: object = DATA) -> Scan:
    return Scan(data, "zcyx", (2.0, 0.5, 0.5), "um", channel_names=NAMES)


def values(found: Scan) -> np.ndarray:
    """All of a scan, read frame by frame: (frames, channels, y, x)."""
    whole = tuple(slice(0, n) for n in found.frame_shape(2))
    return np.stack([found.read(frame, whole) for frame in found.frames(2)])


@pytest.mark.parametrize("choice", ["GFP", "gfp", 1, "1"])
@pytest.mark.parametrize("lazy", [False, True])
def test_one_channel_leaves_no_axis(choice: int | str, lazy: bool) -> None:
    found = pick_channels(scan(Watched(DATA) if lazy else DATA), choice)
    assert (found.axes, found.shape, found.channels) == ("zyx", (4, 40, 50), 1)
    assert (found.spacing, found.unit) == ((2.0, 0.5, 0.5), "um")
    assert np.array_equal(values(found)[:, 0], DATA[:, 1])
    assert found.notes == ("Of 3 channels (0 DAPI, 1 GFP and 2 488), 1 GFP is used.",)


@pytest.mark.parametrize("lazy", [False, True])
def test_several_come_in_the_order_in_which_they_are_chosen(lazy: bool) -> None:
    found = pick_channels(scan(Watched(DATA) if lazy else DATA), ["488", "DAPI"])
    assert (found.channels, channel_names(found)) == (2, ("488", "DAPI"))
    assert np.array_equal(values(found), DATA[:, [2, 0]])
    assert "2 488 and 0 DAPI are used" in found.notes[0]


def test_nothing_is_read_before_it_is_needed_and_then_that_channel_alone() -> None:
    data = Watched(DATA)
    found = pick_channels(scan(data), "GFP")
    assert data.read == []
    assert found.data.chunks == (1, 20, 20)
    found.read((2,), (slice(5, 9), slice(0, 7)))
    assert data.read == [(2, 1, slice(5, 9), slice(0, 7))]
    assert np.array_equal(found.data[...], DATA[:, 1])
    assert np.array_equal(found.data[1, ..., 3], DATA[1, 1, :, 3])
    assert np.array_equal(found.data[2:], DATA[2:, 1])


@pytest.mark.parametrize("choice", ["RFP", 3, -1, "-1", "", "9" * 30, "1.0"])
def test_a_channel_that_is_not_there_is_refused_with_those_that_are(choice: int | str) -> None:
    with pytest.raises(ScanError, match=r"the image has 3 channels \(0 DAPI, 1 GFP and 2 488\)"):
        pick_channels(scan(), choice)


def test_two_of_the_same_name_are_told_apart_by_number_alone() -> None:
    twice = Scan(DATA, "zcyx", (1.0,) * 3, channel_names=("a", "a", "b"))
    with pytest.raises(ScanError, match="no one channel 'a'"):
        pick_channels(twice, "a")
    assert np.array_equal(values(pick_channels(twice, 1))[:, 0], DATA[:, 1])


def test_an_image_without_channels_says_what_to_do() -> None:
    with pytest.raises(ScanError, match="--axes"):
        pick_channels(Scan(DATA[:, 0], "zyx", (1.0,) * 3), 0)


def test_colours_have_names() -> None:
    image = np.random.default_rng(1).integers(0, 255, (40, 50, 3), dtype=np.uint8)
    green = pick_channels(scan_of(image, grey=True), "green")
    assert (green.axes, green.rgb) == ("yx", False)
    assert np.array_equal(green.data, image[..., 1])


def test_names_of_an_ome_tiff(tmp_path: Path) -> None:
    metadata = {"axes": "ZCYX", "Channel": {"Name": list(NAMES)}}
    tifffile.imwrite(tmp_path / "a.ome.tif", DATA, metadata=metadata, photometric="minisblack")
    assert channel_names(read_scan(tmp_path / "a.ome.tif")) == NAMES


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_names_of_an_ome_zarr(tmp_path: Path, version: str) -> None:
    facts = {
        "multiscales": [
            {"axes": [{"name": a} for a in "zcyx"], "datasets": [{"path": "0"}]},
        ],
        "omero": {"channels": [{"label": name} for name in NAMES]},
    }
    attributes = facts if version == "0.4" else {"ome": facts}
    group = zarr.create_group(
        tmp_path / "a.zarr", zarr_format=2 if version == "0.4" else 3, attributes=attributes
    )
    group.create_array("0", data=DATA)
    found = pick_channels(read_scan(tmp_path / "a.zarr"), "488")
    assert np.array_equal(values(found)[:, 0], DATA[:, 2])


@pytest.mark.parametrize("colours", [1, 3])
def test_transparency_is_no_channel(tmp_path: Path, colours: int) -> None:
    image = np.random.default_rng(2).integers(0, 255, (40, 50, colours + 1), dtype=np.uint8)
    tifffile.imwrite(
        tmp_path / "a.tif",
        image,
        photometric="minisblack" if colours == 1 else "rgb",
        planarconfig="contig",
        extrasamples=["unassalpha"],
    )
    found = read_scan(tmp_path / "a.tif", channels=colours)
    assert found.channels == colours
    assert np.array_equal(values(found)[0], np.moveaxis(image[..., :colours], -1, 0))


def test_an_array_of_grey_and_transparency_is_grey(tmp_path: Path) -> None:
    image = np.stack([smooth_image((40, 50))] * 2, axis=-1)
    image[..., 1] = 255
    model = tiny_model(tiny_spec())
    expected = segment(image[..., 0], model)
    assert expected.any()
    assert np.array_equal(segment(image, model), expected)
    zarr.create_array(tmp_path / "a.zarr", data=image)
    assert np.array_equal(segment(read_scan(tmp_path / "a.zarr"), model), expected)


def test_python_takes_a_channel() -> None:
    image = np.stack([smooth_image((40, 50)), smooth_image((40, 50))[::-1]])
    model = tiny_model(tiny_spec())
    found = segment(image, model, axes="cyx", channel=1)
    assert np.array_equal(found, segment(image[1], model))
    assert not np.array_equal(found, segment(image[0], model))

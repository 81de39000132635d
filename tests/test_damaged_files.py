"""Whatever a model file or a journal holds: it is read, or refused in one short sentence."""

import json
import random
import struct
from pathlib import Path

import numpy as np
import pytest

from helpers.damage import damaged_model, damaged_records
from helpers.tiny import tiny_model, tiny_spec
from napari_unet.errors import ModelFileError, ScanError
from napari_unet.files.append_only import AppendOnly, read_records
from napari_unet.learn.journal.stroke_journal import (
    JournalHeader,
    StrokeJournal,
    read_stroke_journal,
)
from napari_unet.model.formats.safetensors_file import model_bytes
from napari_unet.model.library import load_model, model_entry
from napari_unet.scans.identity import identity_of
from napari_unet.scans.scan import Scan
from napari_unet.segment.resumable.journal import SUFFIX, RunJournal, TileRecord, read_run_journals
from napari_unet.segment.statistics.frame import FrameStatistics

INPUTS = 200
BOX = (slice(0, 1), slice(2, 5), slice(0, 7))


@pytest.fixture(scope="module")
def model() -> bytes:
    return model_bytes(tiny_model(tiny_spec()), "tiny")


@pytest.fixture
def strokes(tmp_path: Path) -> list[bytes]:
    image = Scan(np.zeros((3, 20, 30), np.uint8), "zyx", (1.0,) * 3)
    classes = (("background", "#000000"), ("<img src=x>", "#ff0000"))
    header = JournalHeader(identity_of(image), image.shape, "uint8", "cells", classes)
    journal = StrokeJournal(tmp_path / "whole.strokes", header)
    labels = np.ones((1, 3, 7), np.uint8)
    journal.labels(BOX, 0 * labels)
    journal.mark_labels_complete()
    journal.stroke(BOX, labels, labels)
    journal.mark(BOX, 2)
    journal.close()
    return list(read_records(journal.path))


@pytest.fixture
def tiles(tmp_path: Path) -> list[bytes]:
    journal = RunJournal(tmp_path, None)
    journal.engine("torch")
    journal.statistics((0,), FrameStatistics((0.0,), (1.0,), 0.0))
    for number in range(3):
        journal.tile(TileRecord(number, "0" * 64, (5, 6), 0))
    journal.close()
    (path,) = tmp_path.glob(f"*{SUFFIX}")
    records = list(read_records(path))
    path.unlink()
    return records


def check_sentence(error: Exception) -> None:
    text = str(error)
    assert 10 < len(text) <= 300
    assert text.endswith(".")
    assert text.isprintable()


def test_models(model: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    refused = 0
    for seed in range(INPUTS):
        path.write_bytes(damaged_model(model, random.Random(seed)))
        entry = model_entry(path)
        try:
            load_model(path)
        except ModelFileError as error:
            refused += 1
            check_sentence(error)
        else:
            assert entry.header is not None
    assert refused > INPUTS / 2


def test_journals_of_strokes(strokes: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / "a.strokes"
    for seed in range(INPUTS):
        path.write_bytes(damaged_records(strokes, random.Random(seed)))
        try:
            found = read_stroke_journal(path)
        except ScanError as error:
            check_sentence(error)
        else:
            assert found.labels.shape == found.header.shape == found.trust.shape


def test_journals_of_runs(tiles: list[bytes], tmp_path: Path) -> None:
    path = tmp_path / f"whole.0{SUFFIX}"
    for seed in range(INPUTS):
        path.write_bytes(damaged_records(tiles, random.Random(seed)))
        found = read_run_journals(tmp_path)
        assert all(type(number) is int for number in found.tiles)


def write(path: Path, records: list[bytes]) -> Path:
    file = AppendOnly(path)
    for record in records:
        file.append(record)
    file.close()
    return path


def test_a_record_without_json_costs_the_tiles_after_it(tiles: list[bytes], tmp_path: Path) -> None:
    write(tmp_path / f"whole.0{SUFFIX}", [*tiles[:3], b"no JSON", *tiles[3:]])
    found = read_run_journals(tmp_path)
    assert list(found.tiles) == [0]
    assert found.engines == ["torch"]


def test_a_damaged_stroke_costs_itself_alone(strokes: list[bytes], tmp_path: Path) -> None:
    beyond = b"M" + (17).to_bytes(2, "little") + b"[[0,9],[0,9],[0,9" + b"]]x"
    path = write(tmp_path / "a.strokes", [strokes[0], beyond, b"S", *strokes[1:]])
    found = read_stroke_journal(path)
    assert (found.labels[BOX] == 1).all()
    assert (found.trust[BOX] == 2).all()
    assert found.closed


def test_a_data_type_that_is_a_long_number_is_one_sentence(
    strokes: list[bytes], tmp_path: Path
) -> None:
    header = json.loads(strokes[0][1:]) | {"dtype": "9" * 5000}
    path = write(tmp_path / "a.strokes", [b"H" + json.dumps(header).encode(), *strokes[1:]])
    with pytest.raises(ScanError, match="no strokes that can be read") as caught:
        read_stroke_journal(path)
    check_sentence(caught.value)


def rewritten(data: bytes, change) -> bytes:
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    change(header["__metadata__"])
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def with_spacings(metadata: dict[str, str]) -> None:
    spec = json.loads(metadata["napari_unet"])
    spec["spacing"] = {"size": [0.5] * 100_000, "unit": "um"}
    metadata["napari_unet"] = json.dumps(spec)


@pytest.mark.parametrize("value", [5, None, ["a"], {"b": "c"}, True])
def test_metadata_that_is_no_text_is_one_sentence(
    model: bytes, tmp_path: Path, value: object
) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(rewritten(model, lambda metadata: metadata.update(more=value)))
    with pytest.raises(ModelFileError, match="holds what is no text") as caught:
        load_model(path)
    check_sentence(caught.value)


def test_very_many_spacings_make_no_long_sentence(model: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    path.write_bytes(rewritten(model, with_spacings))
    with pytest.raises(ModelFileError, match="at most 3 items") as caught:
        load_model(path)
    check_sentence(caught.value)
    assert len(caught.value.args[0]) < 1000


@pytest.mark.parametrize("size", [1e-320, 1e308])
def test_a_model_of_an_absurd_voxel_size_is_refused(
    model: bytes, tmp_path: Path, size: float
) -> None:
    def change(metadata: dict[str, str]) -> None:
        spec = json.loads(metadata["napari_unet"])
        spec["spacing"] = {"size": [size, size], "unit": "um"}
        metadata["napari_unet"] = json.dumps(spec)

    path = tmp_path / "a.safetensors"
    path.write_bytes(rewritten(model, change))
    with pytest.raises(ModelFileError, match=r"spacing\.size"):
        load_model(path)

import os
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet import files
from napari_unet.errors import OutputError
from napari_unet.files import AppendOnly, read_records


def write(path, records):
    file = AppendOnly(path)
    for record in records:
        file.append(record)
    file.flush()
    file.close()
    return path


@given(st.lists(st.binary(max_size=60), max_size=6), st.data())
def test_a_torn_or_damaged_end_costs_that_record_alone(tmp_path_factory, records, data):
    path = write(tmp_path_factory.mktemp("torn") / "journal", records)
    assert list(read_records(path)) == records
    whole = path.read_bytes()
    cut = data.draw(st.integers(0, len(whole)))
    path.write_bytes(whole[:cut])
    kept = list(read_records(path))
    assert kept == records[: len(kept)]
    assert sum(len(r) + 8 for r in records[: len(kept) + 1]) > cut or kept == records


def test_a_damaged_record_ends_the_reading(tmp_path):
    path = write(tmp_path / "journal", [b"one", b"two", b"three"])
    damaged = bytearray(path.read_bytes())
    damaged[8 + 3 + 8] ^= 1  # in "two"
    path.write_bytes(damaged)
    assert list(read_records(path)) == [b"one"]


def test_an_absurd_length_is_not_read(tmp_path):
    path = tmp_path / "journal"
    path.write_bytes(struct.pack("<II", 2**32 - 1, 0) + b"x")
    assert list(read_records(path)) == []


@pytest.mark.skipif(os.name != "posix", reason="permissions of another kind")
def test_it_is_the_users_alone(tmp_path):
    path = write(tmp_path / "new" / "journal", [b"x"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_an_older_file_is_never_written_over(tmp_path):
    (tmp_path / "journal").write_bytes(b"mine")
    with pytest.raises(OutputError, match="Can not write into"):
        AppendOnly(tmp_path / "journal")
    assert (tmp_path / "journal").read_bytes() == b"mine"


def test_what_a_full_disk_took_of_a_record_is_cut_off_and_writing_goes_on_later(
    tmp_path, monkeypatch
):
    file = AppendOnly(tmp_path / "journal")
    file.append(b"one")
    real = os.write
    room = [5]

    def write_a_little(handle, data):
        if not room[0]:
            raise OSError(28, "No space left on device")
        room[0] -= (taken := real(handle, data[: room[0]]))
        return taken

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "write", write_a_little)
        with pytest.raises(OutputError, match="No space left"):
            file.append(b"too much")
    file.append(b"three")
    file.close()
    assert list(read_records(tmp_path / "journal")) == [b"one", b"three"]


@pytest.mark.parametrize("name", ["a.tif", "L" * 251 + ".tif", "画" * 83 + ".tif", "é" * 127])
def test_a_name_beside_fits_wherever_the_name_does(tmp_path, name):
    target = tmp_path / name
    files.check_writable(target)
    files.write_atomically(target, lambda path: path.write_bytes(b"all"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    beside = files.name_beside(name, ".checkpoint")
    assert len(os.fsencode(beside)) <= files.MOST_NAME_BYTES
    assert beside.endswith(".checkpoint")
    assert beside != files.name_beside("x" + name[1:], ".checkpoint")


def test_a_name_that_is_too_long_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match="is too long: 256 bytes, and 255 are possible"):
        files.check_writable(tmp_path / ("L" * 256))


@pytest.mark.skipif(os.name != "posix", reason="named pipes in folders")
def test_a_named_pipe_and_a_device_are_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert files.unusual_kind(tmp_path / "pipe") == "a named pipe"
    assert files.unusual_kind(Path(os.devnull)) == "a device or a socket"
    for usual in (tmp_path, Path(__file__), tmp_path / "missing", tmp_path / "loop"):
        assert files.unusual_kind(usual) == ""

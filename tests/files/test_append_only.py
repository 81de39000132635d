import os
import stat
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import OutputError
from napari_unet.files.append_only import AppendOnly, read_records


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
    read = list(read_records(path))
    assert read == records[: len(read)]
    assert sum(len(r) + 8 for r in records[: len(read) + 1]) > cut or read == records


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
        patch.setattr("os.write", write_a_little)
        with pytest.raises(OutputError, match="No space left"):
            file.append(b"too much")
    file.append(b"three")
    file.close()
    assert list(read_records(tmp_path / "journal")) == [b"one", b"three"]

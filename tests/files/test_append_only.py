import os
import stat
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_unet.errors import OutputError
from napari_unet.files.append_only import RECORD, AppendOnly, read_all_records, read_records


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


def begins_with_x(data, start):
    """Where a record may begin, of records that all begin with an x."""
    at = start + RECORD.size - 1
    while (at := data.find(b"x", at + 1)) >= 0:
        yield at - RECORD.size


NAMES = [b"x one", b"x two, which is longer", b"x", b"x four"]
STARTS = [sum(RECORD.size + len(name) for name in NAMES[:number]) for number in range(5)]


@pytest.mark.parametrize("number", range(4))
@pytest.mark.parametrize("where", ["length", "checksum", "content"])
def test_a_damaged_record_costs_itself_alone_whatever_is_damaged(tmp_path, number, where):
    path = write(tmp_path / "journal", NAMES)
    assert list(read_all_records(path, begins_with_x)) == NAMES
    damaged = bytearray(path.read_bytes())
    damaged[STARTS[number] + {"length": 1, "checksum": 5, "content": 8}[where]] ^= 0x40
    path.write_bytes(damaged)
    expected = [None if at == number else name for at, name in enumerate(NAMES)]
    assert list(read_all_records(path, begins_with_x)) == expected


def test_records_that_are_damaged_side_by_side_are_counted(tmp_path):
    path = write(tmp_path / "journal", NAMES)
    damaged = bytearray(path.read_bytes())
    damaged[STARTS[1] + 9] ^= 1
    damaged[STARTS[2] + 8] ^= 1
    path.write_bytes(damaged)
    assert list(read_all_records(path, begins_with_x)) == [NAMES[0], None, None, NAMES[3]]


@given(st.binary(max_size=300), st.integers(0, 60))
def test_no_damage_hides_the_records_around_it(tmp_path_factory, noise, cut):
    path = write(tmp_path_factory.mktemp("noise") / "journal", NAMES)
    whole = path.read_bytes()
    path.write_bytes(whole[: STARTS[1]] + noise + whole[STARTS[3] :])
    found = list(read_all_records(path, begins_with_x))
    assert found[0] == NAMES[0]
    assert found[-1] == NAMES[3]
    path.write_bytes(whole[:cut])
    complete = sum(start <= cut for start in STARTS[1:])
    assert list(read_all_records(path, begins_with_x))[:complete] == NAMES[:complete]


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "journal").touch()
    assert list(read_all_records(tmp_path / "journal", begins_with_x)) == []

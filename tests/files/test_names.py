"""Names and paths as Windows and macOS take them."""

import os
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest

from napari_unet.errors import OutputError
from napari_unet.files import names
from napari_unet.files.atomic import check_writable, write_atomically
from napari_unet.files.names import (
    allowed_name,
    check_path,
    contents,
    forbidden_signs,
    is_reserved,
    is_within,
    key_of,
)


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "WINDOWS", True)
    monkeypatch.setattr(names, "takes_long_paths", lambda: False)


@pytest.mark.parametrize(
    "name",
    [
        "CON",
        "nul",
        "Aux.tif",
        "com1.tar.gz",
        "LPT9",
        "nul .txt",
        "COM\N{SUPERSCRIPT TWO}",
        "conin$",
    ],
)
def test_names_of_devices_are_reserved(name: str) -> None:
    assert is_reserved(name)


@pytest.mark.parametrize("name", ["console", "com", "COM0", "lpt10", "a.con", "null", ""])
def test_names_that_only_look_like_it_are_not(name: str) -> None:
    assert not is_reserved(name)


def test_signs_that_no_name_can_have() -> None:
    assert forbidden_signs('a<b:c"d/e\\f|g?h*i>j\n') == sorted('<>:"/\\|?*\n')
    assert forbidden_signs("nuclei_v1.5 µ (2)") == []


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("cells: day 2/3", "cells_ day 2_3"),
        (" cells. ", "cells"),
        ("nul", "nul_"),
        ("aux.labels", "aux.labels_"),
        ("...", "labels"),
        ("\t", "_"),
    ],
)
def test_a_name_that_every_system_takes(name: str, allowed: str) -> None:
    assert allowed_name(name, "labels") == allowed


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("folder/nul.tif", "takes the name nul.tif for a device"),
        ("folder/CON/a.tif", "takes the name CON for a device"),
        ("folder./a.tif", "drops what 'folder.' ends with"),
        ("folder /a.tif", "drops what 'folder ' ends with"),
        ("folder/a:b.tif", "allows no ':' in a name"),
        ('folder/a"b?.tif', "allows no '\"' '\\?' in a name"),
        ("folder/a\tb.tif", r"allows no '\\t' in a name"),
    ],
)
def test_paths_that_windows_would_take_for_others_are_refused(path: str, words: str) -> None:
    with pytest.raises(OutputError, match=words):
        check_path(Path("/data") / path)


def test_elsewhere_such_paths_are_fine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(names, "WINDOWS", False)
    check_path(Path("/data") / "folder." / "nul: the first.tif")
    check_path(Path("/data") / ("long" * 100))


@pytest.mark.usefixtures("windows")
def test_paths_that_are_too_long_are_refused_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits = Path("/data") / ("a" * (names.LONGEST_PATH - len("/data/")))
    check_path(fits)
    for path, beyond in ((fits, 1), (Path(f"{fits}b"), 0)):
        with pytest.raises(
            OutputError, match=r"has 260 characters, and Windows takes 259.*shorter"
        ):
            check_path(path, beyond)
    monkeypatch.setattr(names, "takes_long_paths", lambda: True)
    check_path(fits, 1000)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("/data/Labels.tif", "/data/labels.tif"),
        ("/data/STRASSE.tif", "/data/straße.tif"),
        ("/data/zelle\u0308.tif", "/data/zell\u00eb.tif"),  # an accent of its own, as macOS has it
    ],
)
def test_paths_that_differ_in_case_are_one_where_the_system_says_so(
    one: str, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "IGNORES_CASE", True)
    assert key_of(PurePosixPath(one)) == key_of(PurePosixPath(other))
    assert is_within(PurePosixPath(one) / "0", PurePosixPath(other))
    monkeypatch.setattr(names, "IGNORES_CASE", False)
    assert key_of(PurePosixPath(one)) != key_of(PurePosixPath(other))
    assert not is_within(PurePosixPath(one) / "0", PurePosixPath(other))


def test_paths_within_a_folder() -> None:
    assert is_within(Path("/data/a/b"), Path("/data/a"))
    assert is_within(Path("/data/a"), Path("/data/a"))
    assert not is_within(Path("/data/ab"), Path("/data/a"))
    assert key_of(PureWindowsPath(r"C:\data\a")) == key_of(PureWindowsPath("C:/data/a"))


def test_what_systems_put_into_folders_does_not_count(tmp_path: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "desktop.ini"):
        (tmp_path / name).touch()
    assert list(contents(tmp_path)) == []
    (tmp_path / "mine").touch()
    assert list(contents(tmp_path)) == [tmp_path / "mine"]


@pytest.mark.parametrize("name", ["a.tif", "L" * 251 + ".tif", "画" * 83 + ".tif", "é" * 127])
def test_a_name_beside_fits_wherever_the_name_does(tmp_path, name):
    target = tmp_path / name
    check_writable(target)
    write_atomically(target, lambda path: path.write_bytes(b"all"))
    assert [path.name for path in tmp_path.iterdir()] == [name]
    beside = names.name_beside(name, ".checkpoint")
    assert len(os.fsencode(beside)) <= names.MOST_NAME_BYTES
    assert beside.endswith(".checkpoint")
    assert beside != names.name_beside("x" + name[1:], ".checkpoint")


def test_a_name_that_is_too_long_is_one_sentence(tmp_path):
    with pytest.raises(OutputError, match="is too long: 256 bytes, and 255 are possible"):
        check_writable(tmp_path / ("L" * 256))


@pytest.mark.skipif(os.name != "posix", reason="named pipes in folders")
def test_a_named_pipe_and_a_device_are_neither_file_nor_folder(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert names.unusual_kind(tmp_path / "pipe") == "a named pipe"
    assert names.unusual_kind(Path(os.devnull)) == "a device or a socket"
    for usual in (tmp_path, Path(__file__), tmp_path / "missing", tmp_path / "loop"):
        assert names.unusual_kind(usual) == ""

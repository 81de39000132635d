"""How a zarr takes the place of an older one, and what stays where that is refused."""

from pathlib import Path
from typing import Any

import pytest

from napari_unet.errors import OutputError
from napari_unet.scans.formats import zarr_write
from napari_unet.scans.formats.zarr_write import put_in_place


@pytest.fixture
def part(tmp_path: Path) -> Path:
    return folder(tmp_path / "part", "new")


def folder(path: Path, text: str) -> Path:
    path.mkdir()
    (path / "text").write_text(text)
    return path


def refuse(monkeypatch: pytest.MonkeyPatch, *refused: int) -> None:
    """Refuse the moves of these numbers, the first one being 1."""
    real = zarr_write.move
    moves: list[Any] = []

    def move(*paths: Path) -> None:
        moves.append(paths)
        if len(moves) in refused:
            raise PermissionError(13, "Access is denied")
        real(*paths)

    monkeypatch.setattr(zarr_write, "move", move)


def test_the_new_takes_the_place_of_the_old(part: Path, tmp_path: Path) -> None:
    target = folder(tmp_path / "a.zarr", "old")
    put_in_place(part, target)
    assert (target / "text").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("refused", [1, 2])
def test_the_old_stays_where_a_move_is_refused(
    part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, refused: int
) -> None:
    target = folder(tmp_path / "a.zarr", "old")
    refuse(monkeypatch, refused)
    with pytest.raises(PermissionError):
        put_in_place(part, target)
    assert (target / "text").read_text() == "old"
    assert sorted(tmp_path.iterdir()) == [target, part]


def test_what_can_not_be_moved_back_is_never_deleted(
    part: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = folder(tmp_path / "a.zarr", "old")
    refuse(monkeypatch, 2, 3)
    with pytest.raises(OutputError, match="move it back yourself") as caught:
        put_in_place(part, target)
    (old,) = tmp_path.glob(".a.zarr.*.old/a.zarr")
    assert str(old) in str(caught.value)
    assert (old / "text").read_text() == "old"

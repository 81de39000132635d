"""A part of a run that several processes divide, and how a run treats what was begun before."""

import re
from dataclasses import dataclass

from napari_unet.errors import SettingsError


@dataclass(frozen=True)
class Part:
    """Part `number` of `of`, counted from 1."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"


def writer_name(part: Part | None) -> str:
    """The name in the files that only the run of a part writes, or the run of the whole."""
    return "whole" if part is None else f"part-{part.number}-of-{part.of}"


def share_of(part: Part | None, tiles: int) -> range:
    """The numbers of a part's tiles, of all where there is none.

    A stretch of neighbours, so that a part reads few frames; all parts are equally long up to one
    tile.
    """
    if part is None:
        return range(tiles)
    return range(tiles * (part.number - 1) // part.of, tiles * part.number // part.of)


@dataclass(frozen=True)
class ResumePolicy:
    """What a run does with what was begun before: `resume` continues it, `overwrite` replaces it.

    With `part`, only that part is computed, and only that part's beginning is resumed or replaced;
    `merge` computes nothing, and completes what the parts have finished. With `share`, only the
    tiles of these numbers are computed, of a run that another process has begun and will complete.
    `how_to_resume` tells the user what to do after a run that has ended early.
    """

    resume: bool = False
    overwrite: bool = False
    part: Part | None = None
    merge: bool = False
    share: range | None = None
    how_to_resume: str = "the same command with --resume goes on from there"

    @property
    def whole(self) -> bool:
        """Whether the end of the run completes the result."""
        return self.part is None and self.share is None

    def share_of(self, tiles: int) -> range:
        """The numbers of the tiles that this run computes, of so many."""
        return share_of(self.part, tiles) if self.share is None else self.share


def parse_part(text: str) -> Part:
    """The part that "2/4" names; raises `SettingsError` for anything else."""
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text.strip())
    if found is None or not 1 <= int(found[1]) <= int(found[2]):
        raise SettingsError(f"A part is K/N, such as 2/4, with K from 1 to N; got {text!r}.")
    return Part(int(found[1]), int(found[2]))

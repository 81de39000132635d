"""Which file each result goes to, decided before anything runs."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

from napari_unet.cli.arguments import SegmentArguments
from napari_unet.errors import OutputError
from napari_unet.files.names import is_same_file, is_within, key_of
from napari_unet.scans.formats.registry import (
    files_of_image,
    image_stem,
    is_resumable,
    result_format,
    resumable_suffixes,
    suffix_like,
)
from napari_unet.words import some

WILDCARDS = "*?["


@dataclass(frozen=True)
class Plan:
    """One image, and the files its results go to; `others` are further files of the same image that
    were given too.
    """

    image: Path
    labels: Path
    probabilities: Path | None
    others: tuple[Path, ...] = ()

    @property
    def note(self) -> str:
        """What the user should know of files that were given and have no result of their own."""
        if not self.others:
            return ""
        names = some([path.name for path in (self.image, *self.others)])
        return f"{names} are one image in several files, and have one result."

    @property
    def outputs(self) -> list[Path]:
        """The files of its results."""
        return [path for path in (self.labels, self.probabilities) if path is not None]


def plan_outputs(arguments: SegmentArguments, keep_probabilities: bool) -> list[Plan]:
    """A `Plan` for each image, wildcards resolved; raises `typer.BadParameter` for a folder where a
    file is meant, or the reverse.
    """
    paths = [path for pattern in arguments.images for path in _matches(pattern)]
    sets = _sets(paths)
    folder = _is_folder(arguments.output, len(sets))
    plans = [
        replace(_plan(image, arguments, keep_probabilities, folder), others=tuple(others))
        for image, *others in sets
    ]
    _check_distinct(plans)
    return plans


def _sets(paths: Sequence[Path]) -> list[list[Path]]:
    """The paths with those together that are files of one image, in their order."""
    found: list[list[Path]] = []
    set_of: dict[str, list[Path]] = {}  # by any of its files
    for path in paths:
        known = set_of.get(_key(path))
        if known is not None:
            known.append(path)
            continue
        found.append([path])
        files = files_of_image(path) if len(paths) > 1 else []
        set_of |= {_key(each): found[-1] for each in files}
    return found


def _key(path: Path) -> str:
    return key_of(Path(os.path.realpath(path)))


def check_not_an_image(plan: Plan, plans: list[Plan]) -> None:
    """Raise `OutputError` where a result would replace one of the images, lie inside of one, or
    swallow it.
    """
    images = [path for other in plans for path in (other.image, *other.others)]
    for path in plan.outputs:
        if any(_overlap(path, image) for image in images):
            raise OutputError(
                f"{path} is one of the images, or part of one, and is not replaced. Choose another "
                "output."
            )


def check_resumable(plan: Plan, option: str) -> None:
    """Raise `OutputError` where a result is in a format that is not written by parts, which an
    option is about.
    """
    for path in plan.outputs:
        if not is_resumable(path):
            raise OutputError(
                f"{path.name} is written in one go at the end, so there is nothing for {option}. "
                f"Name the output {resumable_suffixes()}."
            )


def _overlap(one: Path, other: Path) -> bool:
    """Whether two paths are one file, by whatever name or link, or one lies inside of the other."""
    first = Path(os.path.realpath(one))
    second = Path(os.path.realpath(other))
    return is_within(first, second) or is_within(second, first) or is_same_file(one, other)


def _matches(pattern: Path) -> list[Path]:
    """The files a pattern stands for, for shells that leave that to the program; any other path as
    it is.
    """
    if not set(WILDCARDS) & set(pattern.name) or pattern.exists():
        return [pattern]
    found = sorted(pattern.parent.glob(pattern.name))
    if not pattern.name.startswith("."):  # as shells do; macOS keeps ._image.tif beside image.tif
        found = [path for path in found if not path.name.startswith(".")]
    return found or [pattern]


def _is_folder(output: Path, images: int) -> bool:
    named_as_file = result_format(output) is not None
    if images > 1 and named_as_file:
        raise typer.BadParameter(
            f"--output: with several images it is a folder; got the file {output}."
        )
    return images > 1 or (output.is_dir() and not named_as_file)


def _plan(image: Path, arguments: SegmentArguments, keep: bool, folder: bool) -> Plan:
    suffix = suffix_like(image)
    stem = image_stem(image)
    labels = arguments.output / f"{stem}_labels{suffix}" if folder else arguments.output
    wanted = arguments.probabilities
    if wanted is None:
        return Plan(image, labels, _beside(labels) if keep else None)
    into = folder or (wanted.is_dir() and result_format(wanted) is None)
    return Plan(image, labels, wanted / f"{stem}_probabilities{suffix}" if into else wanted)


def _beside(labels: Path) -> Path:
    """The probabilities' file where none is named: beside the labels, in the same format."""
    stem = image_stem(labels)
    suffix = labels.name.removeprefix(stem)
    return labels.with_name(f"{stem.removesuffix('_labels')}_probabilities{suffix}")


def _check_distinct(plans: list[Plan]) -> None:
    """Raise `typer.BadParameter` where two results would be one file."""
    seen: dict[str, Path] = {}
    for path in (path for plan in plans for path in plan.outputs):
        other = seen.setdefault(key_of(path.absolute()), path)
        if other is path:
            continue
        what = (
            f"two results would both be {path}"
            if other == path
            else f"{other} and {path} are one file here, where upper and lower case are the same"
        )
        raise typer.BadParameter(f"--output: {what}. Segment these images into different folders.")

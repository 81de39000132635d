"""The spec of a model as text in its file, and which versions of the program can read it.

`format_version` is 1 or 2. Version 1 knows the fields of `FIELDS_OF_1` and refuses any other, so
that a file says 1 as long as it has no other: then every installed program can read it. A file of
version 2 may have fields that its reader does not know: they are left out, and a note says so. A
field without which the results would be wrong has a name in `FEATURES`; the file lists those it
uses as `requires`, and who does not know one of them refuses the file.

To add a field: leave it out of the dump where it has its default (as `UNetConfig.head` is), give it
a name in `FEATURES` if results depend on it, and leave `NEWEST` as it is.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from napari_unet.errors import ModelFileError
from napari_unet.model.spec import CLIP, TASK_NAMES, ModelSpec

NEWEST = 2
UPDATE = "Update napari-unet-loop to use it."
ADVICE = "Choose a model saved by napari-unet"
NEWER = "{} was made by a newer version of this program; what is not known here is left out of it."
VERSION = "format_version"
REQUIRES = "requires"

FEATURES: dict[str, Callable[[ModelSpec], bool]] = {
    "head-on-every-level": lambda spec: spec.architecture.head_levels == "every",
    "independent-head": lambda spec: spec.architecture.head == "independent",
    "clip": lambda spec: spec.normalization.clip != CLIP,
}

FIELDS_OF_1 = frozenset({
    "name", "summary", "task", "architecture", "channels", "classes", "normalization", "spacing",
    "threshold", "halo", "data", "licence", "citation", "provenance",
})  # fmt: skip
FIELDS_OF_PARTS_OF_1: dict[str, frozenset[str]] = {
    "architecture": frozenset({
        "dimensions", "in_channels", "out_channels", "width", "depth", "max_width", "strides",
        "norm", "residual", "dropout",
    }),
    "classes": frozenset({"name", "colour"}),
    "normalization": frozenset({"kind", "low", "high"}),
    "spacing": frozenset({"size", "unit"}),
    "halo": frozenset({"voxels", "changed", "compared"}),
    "provenance": frozenset({"parent", "training", "scores", "versions", "date"}),
}  # fmt: skip


@dataclass(frozen=True)
class FoundSpec:
    """The spec of a file, the version it is written in, and what its user should know."""

    spec: ModelSpec
    format_version: int
    notes: tuple[str, ...] = ()


def spec_text(spec: ModelSpec) -> str:
    """The spec as it is written into a file, in the lowest version that can hold it."""
    begin: dict[str, Any] = {VERSION: 1}
    if _is_beyond_1(spec.model_dump(mode="json")):
        begin[VERSION] = 2
        begin[REQUIRES] = [name for name, is_used in FEATURES.items() if is_used(spec)]
    return f"{json.dumps(begin, separators=(',', ':'))[:-1]},{spec.model_dump_json()[1:]}"


def parse_spec(text: Any, name: str) -> FoundSpec:
    """The spec of the file of that name; raises `ModelFileError` where it is damaged or needs a
    newer program.
    """
    values = _values(text, name)
    version = values.pop(VERSION, 1)
    _check_version(version, name)
    _check_task(values.get("task"), name)
    if version == 1:
        return FoundSpec(_validated(json.dumps(values), name), version)
    _check_features(values.pop(REQUIRES, []), name)
    known = _without_unknown(values, name)
    notes = () if known == values else (NEWER.format(name),)
    return FoundSpec(_validated(json.dumps(known), name), version, notes)


def _values(text: Any, name: str) -> dict[str, Any]:
    """The text as a dict; raises `ModelFileError` where it is none."""
    try:
        values = json.loads(text)
    except (TypeError, ValueError, RecursionError) as error:
        raise _foreign(name, f"its description: {type(error).__name__}") from error
    if not isinstance(values, dict):
        raise _foreign(name, "its description: not an object")
    return values


def _check_version(version: Any, name: str) -> None:
    """Raise `ModelFileError` for a version that is no number from 1 up, or newer than `NEWEST`."""
    if type(version) is not int or version < 1:  # True would be an int
        raise _foreign(name, f"{VERSION}: {ascii(version)[:40]}")
    if version > NEWEST:
        raise ModelFileError(
            f"{name} was made by a newer version of this program, in format {str(version)[:20]}; "
            f"this one reads formats up to {NEWEST}. {UPDATE}"
        )


def _check_task(task: Any, name: str) -> None:
    """Raise `ModelFileError` for a task that is not known here; what is no name at all is left to
    the validation.
    """
    if isinstance(task, str) and task not in TASK_NAMES:
        raise ModelFileError(
            f"{name} does the task {task[:40]!a}, which this version of the program does not know. "
            f"{UPDATE}"
        )


def _is_beyond_1(values: Mapping[str, Any]) -> bool:
    """Whether a spec has a field that version 1 does not know."""
    if not values.keys() <= FIELDS_OF_1:
        return True
    for part, known in FIELDS_OF_PARTS_OF_1.items():
        found = values[part] or []
        for item in found if isinstance(found, list) else [found]:
            if not item.keys() <= known:
                return True
    return False


def _check_features(required: Any, name: str) -> None:
    """Raise `ModelFileError` where a file needs what is not known here."""
    names = required if isinstance(required, list) else [required]
    known = [feature for feature in names if isinstance(feature, str) and feature in FEATURES]
    unknown = [feature for feature in names if feature not in known]
    if unknown:
        what = ", ".join(ascii(str(feature)[:40]) for feature in unknown[:3])
        raise ModelFileError(
            f"{name} needs {what}, which this version of the program does not know. {UPDATE}"
        )


def _without_unknown(values: dict[str, Any], name: str) -> dict[str, Any]:
    """The values without the fields that are not known here; raises `ModelFileError` where the
    network has one, since nothing that it is made of can be left out.
    """
    known: dict[str, Any] = json.loads(json.dumps(values))
    for *parents, field in _unknown_fields(known):
        if parents[:1] == ["architecture"]:
            raise ModelFileError(
                f"{name} has a network with {str(field)[:40]!a}, which this version of the "
                f"program does not know. {UPDATE}"
            )
        holder: Any = known
        for step in parents:
            holder = holder[step]
        del holder[field]
    return known


def _unknown_fields(values: dict[str, Any]) -> list[tuple[int | str, ...]]:
    """Where in the values there are fields that the spec does not have."""
    try:
        ModelSpec.model_validate_json(json.dumps(values))
    except ValidationError as error:
        return [found["loc"] for found in error.errors() if found["type"] == "extra_forbidden"]
    return []


def _validated(text: str, name: str) -> ModelSpec:
    try:
        return ModelSpec.model_validate_json(text)
    except ValidationError as error:
        raise _foreign(name, _reason(error)) from error


def _foreign(name: str, reason: str) -> ModelFileError:
    return ModelFileError(
        f"{name} is from another version or not ours: {reason}. {ADVICE} of this version."
    )


def _reason(error: ValidationError) -> str:
    """The first thing that is wrong with a spec."""
    found = error.errors()[0]
    where = ".".join(_plain(step) for step in found["loc"])
    return f"{where or 'its description'}: {found['msg']}"


def _plain(step: int | str) -> str:
    """A step on the way to a field, without signs that a terminal would obey."""
    return ascii(step)[1:81].replace("'", "") if isinstance(step, str) else str(step)

"""What a run computes, and how it is divided: what has to be equal for another run to resume it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from napari_unet import __version__
from napari_unet.errors import OutputError
from napari_unet.model.model import Model
from napari_unet.scans.formats.zarr_partial import is_begun, open_partial
from napari_unet.scans.identity import identity_of
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.lattice import halo_facts

RUN = "run"  # the key under which the facts of a result hold its plan
HASHES = ("sha256", "weights_sha256")
# these settings choose what runs, not what comes out; the engine that ran is compared by its name
NOT_COMPARED = {"device", "engine"}


class OtherEngineError(OutputError):
    """A run was begun with another engine than the one that is to go on with it."""


@dataclass(frozen=True)
class RunPlan:
    """The image, the model and the settings of a run, its engine, the core of its tiles in model
    voxels, and in how many parts it is done.
    """

    image: Mapping[str, Any]
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    engine: Mapping[str, Any]
    core_px: tuple[int, ...]
    parts: int | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, equal to what a file gives back (lists instead of tuples)."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def begun_engine(labels: Path) -> str:
    """The name of the engine that a run into this file was begun with; empty where none was.

    Whoever goes on with it, or does a part of it, has to take the same: the tiles of one result
    agree only within one engine.
    """
    if not is_begun(labels):
        return ""
    plan = open_partial(labels)[1].get(RUN, {})
    return str(plan.get("engine", {}).get("name", ""))


def plan_run(
    model: Model, job: SegmentJob, engine: str, core_px: tuple[int, ...], parts: int | None
) -> RunPlan:
    """The plan of a job; reads some small parts of the image for their hash."""
    scan = job.scan
    whole = len(job.frames) == prod(job.scan.grid_shape(job.dimensions))
    return RunPlan(
        image={
            **asdict(identity_of(scan)),
            "spacing": scan.spacing,
            "unit": scan.unit,
            "colours": scan.rgb,
            "frames": None if whole else job.frames,
        },
        model={
            "name": model.spec.name,
            "weights_sha256": model.weights_sha256,
            "halo": halo_facts(job),
        },
        settings=job.settings.model_dump(mode="json", exclude=NOT_COMPARED),
        engine={"name": engine, "napari-unet-loop": __version__},
        core_px=core_px,
        parts=parts,
    )


def same_result(begun: Mapping[str, Any], own: RunPlan) -> bool:
    """Whether two runs give the same labels, up to how an engine rounds."""
    wanted = own.as_dict()
    return all(begun.get(name) == wanted[name] for name in ("image", "model", "settings"))


def check_same(folder: Path, begun: Mapping[str, Any], own: RunPlan) -> None:
    """Raise `OutputError` with one sentence where the run that was begun in a folder is not this
    one.
    """
    wanted = own.as_dict()
    # a merge computes nothing, and so has no engine to compare
    compared = ("image", "model", "settings", *(("engine",) if own.engine["name"] else ()))
    for what in compared:
        if differences := list(_differences(begun.get(what), wanted[what])):
            refusal = OtherEngineError if what == "engine" else OutputError
            raise refusal(
                f"{folder} was begun with another {what} ({', '.join(differences)}). Give the "
                "same, or another place for the result; or remove that folder, and begin anew."
            )
    _check_parts(folder, begun.get("parts"), own.parts)


def _check_parts(folder: Path, begun: int | None, own: int | None) -> None:
    if own is None or begun == own:  # a run of the whole computes whatever the parts have left
        return
    begun_as = "in one" if begun is None else f"in {begun} parts"
    raise OutputError(
        f"{folder} was begun {begun_as}, this is one of {own} parts. Keep to the first, or remove "
        "that folder."
    )


def _differences(begun: Any, wanted: Mapping[str, Any]) -> Iterator[str]:
    """What differs, in words."""
    known = begun if isinstance(begun, Mapping) else {}
    for name, value in wanted.items():
        old = known.get(name)
        if old == value:
            continue
        if name in HASHES:
            yield "other pixels" if name == "sha256" else "other weights"
        else:
            yield f"{name}: {_short(old)} then, {_short(value)} now"


def _short(value: Any) -> str:
    return "not given" if value is None else str(value)

"""What a run is of, and how it is cut: what has to be the same for another run to go on with it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

from napari_unet import __version__
from napari_unet.errors import OutputError
from napari_unet.model.model import Model
from napari_unet.scans.identity import identity_of
from napari_unet.segment.job import SegmentJob
from napari_unet.segment.tiles.lattice import halo_facts

RUN = "run"  # the name under which a result's facts have it
HASHES = ("sha256", "weights_sha256")
ENGINE_FREE = {
    "device",
    "engine",
}  # settings that say where, not what; the engine that ran is told by its name


@dataclass(frozen=True)
class RunPlan:
    """The image, the model and the settings of a run, what computes it, the core of its tiles, and
    in how many parts it is done.
    """

    image: Mapping[str, Any]
    model: Mapping[str, Any]
    settings: Mapping[str, Any]
    engine: Mapping[str, Any]
    core_px: tuple[int, ...]
    parts: int | None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, as they come back from a file."""
        plain: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return plain


def plan_run(
    model: Model, job: SegmentJob, engine: str, core_px: tuple[int, ...], parts: int | None
) -> RunPlan:
    """The plan of a job; some small parts of the image are read."""
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
        settings=job.settings.model_dump(mode="json", exclude=ENGINE_FREE),
        engine={"name": engine, "napari-unet-loop": __version__},
        core_px=core_px,
        parts=parts,
    )


def same_result(begun: Mapping[str, Any], own: RunPlan) -> bool:
    """Whether two runs give the same labels, up to how an engine rounds."""
    wanted = own.as_dict()
    return all(begun.get(name) == wanted[name] for name in ("image", "model", "settings"))


def check_same(folder: Path, begun: Mapping[str, Any], own: RunPlan) -> None:
    """Raise `OutputError` with one sentence where the run that was begun in a folder is another
    than this one.
    """
    wanted = own.as_dict()
    for what in ("image", "model", "settings", "engine"):
        if (differences := list(_differences(begun.get(what), wanted[what]))) and (
            what != "engine" or own.engine["name"]
        ):
            raise OutputError(
                f"{folder} was begun with another {what} ({', '.join(differences)}). Give the same, or another place for the result; "
                "or remove that folder, and begin anew."
            )
    if own.parts is not None and begun.get("parts") != own.parts:
        begun_as = "in one" if begun.get("parts") is None else f"in {begun['parts']} parts"
        raise OutputError(
            f"{folder} was begun {begun_as}, this is one of {own.parts} parts. Keep to the first, or remove that folder."
        )


def _differences(begun: Any, wanted: Mapping[str, Any]) -> Iterator[str]:
    """What differs, in words."""
    known = begun if isinstance(begun, Mapping) else {}
    for name, value in wanted.items():
        if (old := known.get(name)) != value:
            yield (
                _contents(name)
                if name in HASHES
                else f"{name}: {_short(old)} then, {_short(value)} now"
            )


def _contents(name: str) -> str:
    return "other pixels" if name == "sha256" else "other weights"


def _short(value: Any) -> str:
    return "not given" if value is None else str(value)

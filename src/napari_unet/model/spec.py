"""What a model file says of itself. pydantic alone: read without torch, checked before anything is
built.
"""

import json
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from napari_unet.model.config import MAX_CHANNELS, MAX_CLASSES, UNetConfig
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.model.head import head_for_classes, head_of

MAX_NAME = 80
MAX_RECORD = 20_000


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters are allowed")
    return text


def _small(record: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(record)) > MAX_RECORD:
        raise ValueError(f"at most {MAX_RECORD} characters are allowed")
    return record


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
TaskName = Literal["semantic", "instances"]
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(_Record):
    """One class: its name and its colour as #rrggbb. The label is its place in the list; 0 is
    background.
    """

    name: Name
    colour: Colour


class Normalization(_Record):
    """How intensities are brought to one range, per channel, with statistics of the whole frame."""

    kind: Literal["percentile", "none"] = "percentile"
    low: float = Field(1.0, ge=0.0, le=100.0)
    high: float = Field(99.8, ge=0.0, le=100.0)

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.low >= self.high:
            raise ValueError(
                f"the low percentile {self.low} must be below the high one {self.high}"
            )
        return self


class TrainedSpacing(_Record):
    """The voxel size a model was trained at, one number per axis of a frame."""

    size: tuple[Annotated[float, Field(gt=0.0, allow_inf_nan=False)], ...]
    unit: Name = "um"


class MeasuredHalo(_Record):
    """Context around a tile, in voxels per axis, with which a model's labels stayed the same but
    for a share of those compared.
    """

    voxels: tuple[Annotated[int, Field(ge=0)], ...]
    changed: float = Field(ge=0.0, le=1.0)
    compared: int = Field(ge=1)


class Provenance(_Record):
    """Where a model comes from: hashes and counts, no paths and no file or layer names."""

    parent: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    training: Annotated[dict[Name, Any], AfterValidator(_small)] = {}
    scores: Annotated[dict[Name, FiniteFloat], Field(max_length=100)] = {}
    versions: Annotated[dict[Name, Name], Field(max_length=100)] = {}
    date: Annotated[str, Field(max_length=40), AfterValidator(_printable)] = ""


class ModelSpec(_Record):
    """All that a model file says of itself."""

    name: Name
    summary: Text = ""
    task: TaskName = "semantic"
    architecture: UNetConfig
    channels: Annotated[tuple[Name, ...], Field(min_length=1, max_length=MAX_CHANNELS)]
    classes: Annotated[tuple[ClassSpec, ...], Field(min_length=2, max_length=MAX_CLASSES)]
    normalization: Normalization = Normalization()
    spacing: TrainedSpacing | None = None
    threshold: float = Field(0.5, gt=0.0, lt=1.0)
    halo: MeasuredHalo | None = None
    data: Text = ""
    licence: Text = ""
    citation: Text = ""
    provenance: Provenance = Provenance()

    @model_validator(mode="after")
    def _agree(self) -> Self:
        net = self.architecture
        if len(self.channels) != net.in_channels:
            raise ValueError(f"{len(self.channels)} channel names for {net.in_channels} channels")
        _check_head(self.task, len(self.classes), net)
        if self.spacing is not None and len(self.spacing.size) != net.dimensions:
            raise ValueError(f"the spacing {self.spacing.size} needs {net.dimensions} numbers")
        if self.halo is not None:
            _check_halo(self.halo.voxels, net)
        return self

    @property
    def axes(self) -> str:
        """The letters of a frame: "yx" or "zyx"."""
        return "zyx"[-self.architecture.dimensions :]


def _check_halo(voxels: tuple[int, ...], net: UNetConfig) -> None:
    """Tiles are aligned to the strides, and exact beyond the exact halo."""
    strides = total_strides(net)
    most = exact_halo(net)
    if len(voxels) != net.dimensions or any(
        n % step or n > end for n, step, end in zip(voxels, strides, most, strict=True)
    ):
        raise ValueError(
            f"a halo has {net.dimensions} multiples of {strides} up to {most}, not {voxels}"
        )


def _check_head(task: str, classes: int, net: UNetConfig) -> None:
    """Channels that are classes are those of the spec; independent ones can not be classes."""
    head = head_of(net)
    if head.kind == "independent":
        if task == "semantic":
            raise ValueError("independent channels do not tell classes apart")
        return
    wanted = head_for_classes(classes)
    if head != wanted:
        raise ValueError(f"{classes} classes need {wanted.channels} outputs, not {head.channels}")

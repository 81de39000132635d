"""What a model file says of its model: read without torch, and checked before anything is built."""

import json
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from napari_unet.model.config import MAX_CHANNELS, MAX_CLASSES, UNetConfig
from napari_unet.model.geometry import exact_halo, total_strides
from napari_unet.model.head import head_for_classes, head_of

MAX_NAME = 80
MIN_LENGTH = 1e-9  # of a voxel, in whatever unit
MAX_LENGTH = 1e15
MAX_HALO = 2**20
MAX_TRAINING_CHARACTERS = 20_000
CLIP = (-2.0, 4.0)  # of normalised intensities


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("only printable characters are allowed")
    return text


def _short(training: dict[str, Any]) -> dict[str, Any]:
    if len(json.dumps(training)) > MAX_TRAINING_CHARACTERS:
        raise ValueError(f"at most {MAX_TRAINING_CHARACTERS} characters are allowed")
    return training


Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_printable)]
Text = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
TaskName = Literal["semantic", "instances"]
TASK_NAMES: tuple[TaskName, ...] = get_args(TaskName)
Length = Annotated[float, Field(ge=MIN_LENGTH, le=MAX_LENGTH, allow_inf_nan=False)]
Colour = Annotated[str, Field(pattern=r"^#[0-9a-fA-F]{6}$")]


class _Part(BaseModel):
    """A part of the description in a model file; a field that is not known is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassSpec(_Part):
    """One class: its name, and its colour as #rrggbb.

    Its label is its position in the list of classes; the first, 0, is the background.
    """

    name: Name
    colour: Colour


class Normalization(_Part):
    """How intensities are scaled, each channel by itself: the low percentile of the whole frame
    becomes 0, the high one 1; with `none`, they stay what they are.

    `clip` bounds the result: a hot pixel would otherwise disturb all that is near it.
    """

    kind: Literal["percentile", "none"] = "percentile"
    low: float = Field(1.0, ge=0.0, le=100.0)
    high: float = Field(99.8, ge=0.0, le=100.0)
    clip: tuple[FiniteFloat, FiniteFloat] = CLIP

    @model_serializer(mode="wrap")
    def _without_usual_clip(self, values: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Plain values; the usual clip is not written, so that older versions read the file."""
        return {k: v for k, v in values(self).items() if k != "clip" or self.clip != CLIP}

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.clip[0] > 0.0 or self.clip[1] < 1.0:
            raise ValueError(f"the clip {self.clip} must hold 0 and 1")
        if self.low >= self.high:
            raise ValueError(
                f"the low percentile {self.low} must be below the high one {self.high}"
            )
        return self


class TrainedSpacing(_Part):
    """The voxel size of the scans that a model was trained on, one number per axis of a frame."""

    size: Annotated[tuple[Length, ...], Field(max_length=3)]
    unit: Name = "um"


class MeasuredHalo(_Part):
    """The least context around a tile with which a model's labels stay what they are, found by
    comparison: `voxels` per axis, and the share of the `compared` labels that `changed`.
    """

    voxels: Annotated[tuple[Annotated[int, Field(ge=0, le=MAX_HALO)], ...], Field(max_length=3)]
    changed: float = Field(ge=0.0, le=1.0)
    compared: int = Field(ge=1)


class Provenance(_Part):
    """Where a model comes from. Hashes and numbers alone: what a user calls files and layers is
    private, and a model may be passed on.
    """

    parent: str | None = Field(None, pattern=r"^[0-9a-f]{64}$")
    training: Annotated[dict[Name, Any], AfterValidator(_short)] = {}
    scores: Annotated[dict[Name, FiniteFloat], Field(max_length=100)] = {}
    versions: Annotated[dict[Name, Name], Field(max_length=100)] = {}
    date: Annotated[str, Field(max_length=40), AfterValidator(_printable)] = ""


class ModelSpec(_Part):
    """All that a model file says of its model, beside the weights."""

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
    """Raise `ValueError` unless a halo is in steps of the strides, to which tiles are aligned, and
    no larger than the exact one, beyond which nothing changes.
    """
    strides = total_strides(net)
    most = exact_halo(net)
    if len(voxels) != net.dimensions or any(
        n % step or n > end for n, step, end in zip(voxels, strides, most, strict=True)
    ):
        raise ValueError(
            f"a halo has {net.dimensions} multiples of {strides} up to {most}, not {voxels}"
        )


def _check_head(task: str, classes: int, net: UNetConfig) -> None:
    """Raise `ValueError` unless a network's output channels fit the task and its classes."""
    head = head_of(net)
    if head.kind == "independent":
        if task == "semantic":
            raise ValueError("independent channels do not tell classes apart")
        return
    wanted = head_for_classes(classes)
    if head != wanted:
        raise ValueError(f"{classes} classes need {wanted.channels} outputs, not {head.channels}")

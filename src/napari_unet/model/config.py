"""The shape of a U-Net, and the limits within which one is ever built. Needs pydantic alone."""

from math import prod
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

MAX_DEPTH = 7
MAX_WIDTH = 512
MAX_CLASSES = 255
MAX_CHANNELS = 64
MAX_STRIDE = 4
MAX_TOTAL_STRIDE = 2**MAX_DEPTH

HeadLevels = Literal["last", "every"]


class UNetConfig(BaseModel):
    """The shape of a U-Net: dimensions, channels, features, levels, and what its blocks are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    dimensions: Literal[2, 3] = Field(
        2, title="Dimensions", description="2 for slices, 3 for volumes."
    )
    in_channels: int = Field(
        1, ge=1, le=MAX_CHANNELS, title="Channels in", description="Channels of the image."
    )
    out_channels: int = Field(
        1,
        ge=1,
        le=MAX_CLASSES,
        title="Channels out",
        description="1 for two classes, else one per class.",
    )
    head: Literal["classes", "independent"] = Field(
        "classes",
        title="Head",
        description="Channels out that are classes, or that each answer a question of their own.",
    )
    head_levels: HeadLevels = Field(
        "last",
        title="Levels of the head",
        description="Whether the head sees the features of the last level alone, or of every one.",
    )
    width: int = Field(
        32,
        ge=1,
        le=MAX_WIDTH,
        title="Width",
        description="Features of the first level; each level doubles them.",
    )
    depth: int = Field(
        4, ge=0, le=MAX_DEPTH, title="Depth", description="How many times the image is pooled."
    )
    max_width: int = Field(
        MAX_WIDTH, ge=1, le=MAX_WIDTH, title="Most features", description="Where the doubling ends."
    )
    strides: tuple[Annotated[tuple[int, ...], Field(max_length=3)], ...] | None = Field(
        None,
        max_length=MAX_DEPTH,
        title="Strides",
        description="Pooling factor of each axis at each level; 2 everywhere when not given.",
    )
    norm: Literal["batch", "instance", "none"] = Field(
        "batch",
        title="Normalisation",
        description="batch: by statistics of the training; instance: by those of each image.",
    )
    residual: bool = Field(
        False, title="Residual", description="Add each block's input to its output."
    )
    dropout: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        title="Dropout",
        description="Share of features dropped at the deepest level.",
    )

    @model_validator(mode="after")
    def _strides_fit(self) -> Self:
        if self.strides is None:
            return self
        lengths = [len(level) for level in self.strides]
        if lengths != [self.dimensions] * self.depth:
            raise ValueError(
                f"strides need {self.depth} levels of {self.dimensions} numbers, not {self.strides}"
            )
        if any(not 1 <= step <= MAX_STRIDE for level in self.strides for step in level):
            raise ValueError(f"each stride must be 1 to {MAX_STRIDE}, not {self.strides}")
        if any(
            prod(along_axis) > MAX_TOTAL_STRIDE for along_axis in zip(*self.strides, strict=True)
        ):
            raise ValueError(
                f"the strides of an axis may multiply to {MAX_TOTAL_STRIDE} at most, "
                f"not {self.strides}"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_usual_head(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out what is said of the usual head, so that files stay what they were."""
        values: dict[str, Any] = write(self)
        if self.head == "classes":
            values.pop("head", None)
        if self.head_levels == "last":
            values.pop("head_levels", None)
        return values

    @property
    def level_strides(self) -> tuple[tuple[int, ...], ...]:
        """The pooling factors of each level: `strides`, or 2 along every axis."""
        return self.strides if self.strides is not None else ((2,) * self.dimensions,) * self.depth

    @property
    def identity(self) -> str:
        """The shape in words, as far as the weights depend on it.

        It is hashed with the weights into a model's identity, so every later version has to write
        the same words for the same shape.
        """
        fixed = [
            self.dimensions,
            self.in_channels,
            self.out_channels,
            list(self.widths),
            [list(level) for level in self.level_strides],
        ]
        blocks = "residual" if self.residual else "plain"
        head = "" if self.head == "classes" else f" {self.head}"
        levels = "" if self.head_levels == "last" else " head on every level"
        return f"unet {fixed} {self.norm} {blocks}{head}{levels}"

    @property
    def widths(self) -> tuple[int, ...]:
        """How many features each level has, the deepest level last."""
        return tuple(min(self.width * 2**level, self.max_width) for level in range(self.depth + 1))

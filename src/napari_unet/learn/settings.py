"""What can be chosen about a training. pydantic alone."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Side = Annotated[int, Field(ge=1, le=1024)]


class AugmentSettings(BaseModel):
    """How strongly patches are varied; every number is the far end of a range."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    flips: bool = Field(True, title="Flips", description="Mirror along every axis at random.")
    warped_share: float = Field(
        0.25,
        ge=0,
        le=1,
        title="Warped share",
        description="Share of patches turned, scaled and bent; the others are mirrored and turned by quarters.",
    )
    rotation_deg: float = Field(
        180.0, ge=0, le=180, title="Rotation", description="Largest turn in the plane, in degrees."
    )
    scale: float = Field(
        1.4,
        ge=1,
        le=4,
        title="Scaling",
        description="Largest factor by which objects grow or shrink.",
    )
    shear: float = Field(0.1, ge=0, le=1, title="Shear", description="Largest shear, as a slope.")
    elastic_px: float = Field(
        4.0,
        ge=0,
        le=40,
        title="Elastic deformation",
        description="Largest spread of the displacement, in pixels.",
    )
    elastic_grid_px: int = Field(
        32,
        ge=4,
        le=256,
        title="Elastic grid",
        description="Distance of the displaced points, in pixels.",
    )
    contrast: float = Field(
        2.0, ge=1, le=8, title="Contrast", description="Largest factor on the intensities."
    )
    brightness: float = Field(
        0.3,
        ge=0,
        le=2,
        title="Brightness",
        description="Largest shift of the intensities, in units of the range.",
    )
    gamma: float = Field(
        1.5, ge=1, le=4, title="Gamma", description="Largest exponent on the intensities."
    )
    noise: float = Field(
        0.15,
        ge=0,
        le=2,
        title="Noise",
        description="Largest standard deviation of added noise, in units of the range.",
    )
    blur_px: float = Field(
        1.5,
        ge=0,
        le=10,
        title="Blur",
        description="Largest standard deviation of a Gaussian blur, in pixels.",
    )

    def for_fine_tuning(self) -> Self:
        """The same with what is left at its default as a fine-tune wants it: a network that knows
        fine structures can take more warps.
        """
        usual = {name: type(self).model_fields[name].default for name in FINE_TUNING_AUGMENT}
        return self.model_copy(
            update={
                name: value
                for name, value in FINE_TUNING_AUGMENT.items()
                if getattr(self, name) == usual[name]
            }
        )


class TrainSettings(BaseModel):
    """Settings of a training. `minutes` or `steps` ends it; with neither it goes on until it stops
    improving.

    What is left at None is chosen by the task: from scratch, or from a model that is there (see
    `chosen_for`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float | None = Field(
        None, gt=0, le=10_000, title="Minutes", description="Wall time from the call to the result."
    )
    steps: int | None = Field(
        None, ge=1, le=10_000_000, title="Steps", description="Number of optimizer steps."
    )
    planned_steps: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        title="Planned steps",
        description="Steps the rate is planned for, where a training ended before its plan.",
    )
    fall_from: int | None = Field(
        None,
        ge=1,
        le=10_000_000,
        title="Fall from",
        description="Step from which the rate falls; else after the warm-up.",
    )
    most_steps: int = Field(
        20_000,
        ge=1,
        le=10_000_000,
        title="Most steps",
        description="Where a training without minutes and steps ends at last.",
    )
    most_minutes: float = Field(
        60.0, gt=0, le=10_000, title="Most minutes", description="The same in wall time."
    )
    seed: int = Field(
        0, ge=0, le=2**31, title="Seed", description="Same seed and steps: the same model."
    )
    held_out_turn: int | None = Field(
        None,
        ge=0,
        le=1_000_000,
        title="Held-out turn",
        description="Which part of what was reviewed is held out; count up to hold out another. Else the round.",
    )
    batch: int | None = Field(None, ge=1, le=256, title="Batch", description="Patches per step.")
    patch_shape: tuple[Side, ...] | None = Field(
        None,
        title="Patch shape",
        description="Sides of a patch in voxels, one per axis; else chosen from the patch size.",
    )
    patch_px: int | None = Field(
        None,
        ge=16,
        le=1024,
        title="Patch size",
        description="Side of a patch, in the smallest width of a voxel.",
    )
    learning_rate: float | None = Field(
        None, gt=0, le=1, title="Learning rate", description="Highest rate of AdamW."
    )
    weight_decay: float | None = Field(
        None, ge=0, le=1, title="Weight decay", description="Weight decay of AdamW."
    )
    warmup_steps: int = Field(
        20,
        ge=5,
        le=100_000,
        title="Warm-up",
        description="Steps in which the rate rises; the speed is measured meanwhile.",
    )
    average: float = Field(
        0.995,
        ge=0,
        lt=1,
        title="Averaging",
        description="Decay of the running mean of the weights that is kept.",
    )
    loss: Literal["sum", "cross_entropy", "dice"] = Field(
        "sum",
        title="Loss",
        description="Cross-entropy (binary for two classes), Dice, or their sum.",
    )
    dice_weight: float = Field(
        1.0, ge=0, le=100, title="Dice", description="Weight of the Dice loss in the sum."
    )
    class_balance: float | None = Field(
        None,
        ge=0,
        le=1,
        title="Class balance",
        description="How far rare classes count more in the cross-entropy: 0 not at all, 1 fully.",
    )
    border_weight: float = Field(
        0.0,
        ge=0,
        le=100,
        title="Border weight",
        description="Extra weight of the gaps between touching objects; 10 in the U-Net paper.",
    )
    border_sigma_px: float = Field(
        5.0,
        gt=0,
        le=100,
        title="Border width",
        description="How far that weight reaches, in voxels.",
    )
    frozen_levels: int = Field(
        0,
        ge=0,
        le=8,
        title="Frozen levels",
        description="First levels of the encoder that do not learn.",
    )
    norm_statistics: Literal["learnt", "kept"] | None = Field(
        None,
        title="Normalisation",
        description="Statistics of the batch normalisation: learnt from the patches, or the parent's kept.",
    )
    guard_weights: float | None = Field(
        None,
        ge=0,
        le=10_000,
        title="Guard: weights",
        description="Pull towards the parent's weights, in the place of weight decay; 0 for none.",
    )
    guard_outputs: float | None = Field(
        None,
        ge=0,
        le=100,
        title="Guard: outputs",
        description="Weight of agreeing with the parent where nothing is trusted; 0 for none.",
    )
    guard_untrusted: float | None = Field(
        None,
        ge=0,
        le=1,
        title="Guard: untrusted",
        description="How much of that weight the untrusted rest of the scans has that teach; all of it is on drawn pictures.",
    )
    guard_pictures: int | None = Field(
        None,
        ge=0,
        le=256,
        title="Guard: pictures",
        description="Drawn pictures on which the child is to agree with its parent too.",
    )
    foreground_share: float = Field(
        0.5,
        ge=0,
        le=1,
        title="Foreground share",
        description="Share of patches centred on a voxel of a class drawn at random.",
    )
    trusted_share: float = Field(
        0.75,
        ge=0,
        le=1,
        title="Trusted share",
        description="Share of patches near a trusted voxel where a guard learns from the others; else all.",
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        title="Precision",
        description="Number format of the convolutions; auto takes bfloat16 where the machine computes it fast.",
    )
    device: str = Field(
        "auto", title="Device", description="Where the training runs: auto, cpu, cuda or mps."
    )
    checkpoint_seconds: float = Field(
        15.0,
        ge=0,
        le=100_000,
        title="Checkpoint every",
        description="Seconds between checkpoints; they take 2 % of the time at most.",
    )
    oriented: tuple[bool, ...] | None = Field(
        None,
        title="Oriented",
        description="Axes of a frame along which all scans lie the same way: not mirrored there, and turned by little. Else found.",
    )
    augment: AugmentSettings = AugmentSettings()

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.minutes is not None and self.steps is not None:
            raise ValueError(
                "give either minutes or steps, or neither to train until it stops improving"
            )
        if self.planned_steps is not None and (
            self.steps is None or self.planned_steps < self.steps
        ):
            raise ValueError("planned_steps belongs to steps and is not below it")
        return self

    def chosen_for(self, *, fine_tuning: bool) -> Self:
        """The same settings with every None that a task decides filled in."""
        defaults = FINE_TUNING if fine_tuning else FROM_SCRATCH
        chosen = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        return self.model_copy(
            update={
                **chosen,
                "augment": self.augment.for_fine_tuning() if fine_tuning else self.augment,
            }
        )


BATCH = 8
PATCH_PX = 128
FROM_SCRATCH: dict[str, Any] = {
    "learning_rate": 3e-3,
    "weight_decay": 1e-2,
    "class_balance": 0.0,
    "norm_statistics": "learnt",
    "guard_weights": 0.0,
    "guard_outputs": 0.0,
    "guard_untrusted": 0.0,
    "guard_pictures": 0,
}
FINE_TUNING: dict[str, Any] = {
    "learning_rate": 3e-3,
    "weight_decay": 0.0,
    "class_balance": 0.0,
    "norm_statistics": "kept",
    "guard_weights": 1.0,
    "guard_outputs": 20.0,
    "guard_untrusted": 0.0,
    "guard_pictures": 16,
}
FINE_TUNING_AUGMENT = {"warped_share": 0.75, "contrast": 1.5, "brightness": 0.15, "noise": 0.08}

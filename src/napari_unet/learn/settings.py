"""What can be chosen about a training. pydantic alone."""

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_unet.learn.augment.settings import AugmentSettings
from napari_unet.segment.settings_fields import setting, with_present_names

Side = Annotated[int, Field(ge=1, le=1024)]

DEVICE = "device"  # groups of a dock's options: where it runs,
LEARNING = "learning"  # what is learnt, and what is kept,
CHANCE = "chance"  # and how it is repeated


class TrainSettings(BaseModel):
    """Settings of a training. `minutes` or `steps` ends it; with neither it ends when it stops
    improving.

    What is left at None is chosen by the task: from scratch, or from a model that is there (see
    `chosen_for`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    minutes: float | None = setting(
        None,
        "Minutes",
        "Wall time from the call to the result.",
        main=True,
        gt=0,
        le=10_000,
    )
    steps: int | None = setting(
        None, "Steps", "Number of optimizer steps.", main=True, ge=1, le=10_000_000
    )
    planned_steps: int | None = setting(
        None,
        "Planned steps",
        "Steps that the learning rate is planned for, to repeat a training that ended before its "
        "plan.",
        ge=1,
        le=10_000_000,
    )
    fall_from: int | None = setting(
        None,
        "Fall from",
        "Step from which the learning rate falls; after the warm-up when not given.",
        ge=1,
        le=10_000_000,
    )
    renewed_plans: tuple[int, ...] | None = setting(
        None,
        "Renewed plans",
        "Steps after which the plan was renewed, each with the number of steps planned then, to "
        "repeat a training that was planned by time.",
        max_length=20_000,
    )
    threads: tuple[int, ...] | None = setting(
        None,
        "Threads",
        "Steps from which on so many threads compute, in turn, beginning with step 0; measured "
        "when not given, unless the number of steps is.",
        max_length=20_000,
    )
    most_steps: int = setting(
        20_000,
        "Most steps",
        "Where a training without minutes and steps ends at last.",
        ge=1,
        le=10_000_000,
    )
    most_minutes: float = setting(
        60.0,
        "Most minutes",
        "Wall time after which a training without minutes and steps ends at last.",
        gt=0,
        le=10_000,
    )
    seed: int = setting(
        0,
        "Seed",
        "Where chance begins. The same seed and the same number of steps give the same model on "
        "the same computer.",
        main=True,
        remembered=True,
        row=CHANCE,
        ge=0,
        le=2**31,
    )
    held_out_turn: int | None = setting(
        None,
        "Held-out turn",
        "Which part of what was reviewed is held out; count up to hold out another. The round of "
        "fine-tuning when not given.",
        ge=0,
        le=1_000_000,
    )
    batch: int | None = setting(None, "Batch", "Patches per step.", ge=1, le=256)
    patch_shape: tuple[Side, ...] | None = setting(
        None,
        "Patch shape",
        "Sides of a patch in voxels, one for each axis; chosen from the patch size when not given.",
    )
    patch_px: int | None = setting(
        None,
        "Patch size",
        "Side of a patch, in the smallest width of a voxel.",
        ge=16,
        le=1024,
    )
    learning_rate: float | None = setting(
        None, "Learning rate", "Highest learning rate of AdamW.", gt=0, le=1
    )
    weight_decay: float | None = setting(None, "Weight decay", "Weight decay of AdamW.", ge=0, le=1)
    warmup_steps: int = setting(
        20,
        "Warm-up",
        "Steps in which the learning rate rises; the speed is measured meanwhile.",
        ge=5,
        le=100_000,
    )
    average: float = setting(
        0.995,
        "Averaging",
        "Decay of the running mean of the weights, which becomes the model.",
        ge=0,
        lt=1,
    )
    loss: Literal["sum", "cross_entropy", "dice"] = setting(
        "sum", "Loss", "Cross-entropy (binary for two classes), Dice, or their sum."
    )
    dice_weight: float = setting(1.0, "Dice", "Weight of the Dice loss in the sum.", ge=0, le=100)
    class_balance: float | None = setting(
        None,
        "Class balance",
        "How far rare classes weigh more in the cross-entropy: 0 not at all, 1 fully.",
        ge=0,
        le=1,
    )
    border_weight: float = setting(
        0.0,
        "Border weight",
        "Extra weight of the gaps between touching objects; 10 in the U-Net paper.",
        ge=0,
        le=100,
    )
    border_sigma_px: float = setting(
        5.0, "Border width", "How far that weight reaches, in voxels.", gt=0, le=100
    )
    frozen_levels: int = setting(
        0, "Frozen levels", "First levels of the encoder that do not learn.", ge=0, le=8
    )
    norm_statistics: Literal["learnt", "kept"] | None = setting(
        None,
        "Normalisation",
        "Statistics of the batch normalisation: learnt from the patches, or kept from the parent.",
    )
    fit_head: bool | None = setting(
        None,
        "Fit the head first",
        "Before the first step, set the head to what is best for the trusted voxels, so that "
        "training begins with a useful result; not where the old model is to be kept.",
    )
    head_only: bool = setting(
        False,
        "Head only",
        "Fit the head alone, which takes seconds, and take no step; nothing else of the model "
        "changes.",
    )
    keep_what_it_knew: bool = setting(
        False,
        "Keep what it knew",
        "Hold on to what the old model knows where nothing was corrected, so that it does not get "
        "worse on other images; it then learns less of yours. The old model stays in any case.",
        remembered=True,
        row=LEARNING,
    )
    guard_weights: float | None = setting(
        None,
        "Guard: weights",
        "Pull towards the parent's weights, instead of weight decay; 0 for none.",
        ge=0,
        le=10_000,
    )
    guard_outputs: float | None = setting(
        None,
        "Guard: outputs",
        "Weight of agreeing with the parent where nothing is trusted; 0 for none.",
        ge=0,
        le=100,
    )
    guard_untrusted: float | None = setting(
        None,
        "Guard: untrusted",
        "Share of that weight on the untrusted rest of the scans; on drawn images all of it holds.",
        ge=0,
        le=1,
    )
    guard_drawn_images: int | None = setting(
        None,
        "Guard: drawn images",
        "Number of drawn images on which the child is to agree with its parent too.",
        former_name="guard_pictures",
        ge=0,
        le=256,
    )
    foreground_share: float = setting(
        0.5,
        "Foreground share",
        "Share of patches centred on a voxel of a class drawn at random.",
        ge=0,
        le=1,
    )
    trusted_share: float = setting(
        0.75,
        "Trusted share",
        "Share of patches near a trusted voxel, where a guard learns from the others; without a "
        "guard it is all.",
        ge=0,
        le=1,
    )
    precision: Literal["auto", "float32", "bfloat16"] = setting(
        "auto",
        "Precision",
        "Number format of the convolutions; auto takes bfloat16 where the machine computes it "
        "fast.",
    )
    device: str = setting(
        "auto",
        "Run on",
        "Where the training runs: auto, cpu, cuda or mps.",
        main=True,
        remembered=True,
        row=DEVICE,
        max_length=20,
    )
    empty_borders: bool = setting(
        True,
        "Leave out empty borders",
        "Find borders that hold no image, such as a band of zeros; labels there neither teach nor "
        "judge, and they are no part of the contrast.",
        remembered=True,
        row=LEARNING,
    )
    checkpoint_seconds: float = setting(
        15.0,
        "Checkpoint every",
        "Seconds between checkpoints; they take 2 % of the time at most.",
        ge=0,
        le=100_000,
    )
    oriented: tuple[bool, ...] | None = setting(
        None,
        "Oriented",
        "Axes of a frame along which all scans lie the same way, which are not mirrored and turned "
        "by little; found from the labels when not given.",
    )
    augment: AugmentSettings = AugmentSettings()

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, given: Any) -> Any:
        return with_present_names(cls, given)

    @model_validator(mode="after")
    def _ends(self) -> Self:
        if self.minutes is not None and self.steps is not None:
            raise ValueError(
                "give either minutes or steps, or neither to train until it stops improving"
            )
        if len(self.renewed_plans or ()) % 2:
            raise ValueError("renewed_plans holds pairs of a step and a number of steps")
        if self.threads is not None and not _are_changes(self.threads):
            raise ValueError(
                "threads holds pairs of a step and a number of threads, from step 0 on"
            )
        last = self.renewed_plans[-1] if self.renewed_plans else self.planned_steps
        if last is not None and last < (self.steps or float("inf")):
            raise ValueError("planned_steps belongs to steps and is not below it")
        return self

    def chosen_for(self, *, fine_tuning: bool) -> Self:
        """The same settings with every None that a task decides filled in."""
        of_fine_tuning = GUARDED if self.keep_what_it_knew else FINE_TUNING
        defaults = of_fine_tuning if fine_tuning else FROM_SCRATCH
        chosen = {name: value for name, value in defaults.items() if getattr(self, name) is None}
        return self.model_copy(
            update={
                **chosen,
                "augment": self.augment.for_fine_tuning() if fine_tuning else self.augment,
            }
        )


def _are_changes(threads: tuple[int, ...]) -> bool:
    steps = list(threads[::2])
    numbers = threads[1::2]
    in_order = steps == sorted(set(steps)) and steps[:1] == [0]
    return in_order and len(numbers) == len(steps) and min(numbers) >= 1


BATCH = 8
PATCH_PX = 128
FROM_SCRATCH: dict[str, Any] = {
    "learning_rate": 3e-3,
    "weight_decay": 1e-2,
    "class_balance": 0.0,
    "norm_statistics": "learnt",
    "fit_head": False,
    "guard_weights": 0.0,
    "guard_outputs": 0.0,
    "guard_untrusted": 0.0,
    "guard_drawn_images": 0,
}
FINE_TUNING: dict[str, Any] = {
    "learning_rate": 3e-3,
    "weight_decay": 0.0,
    "class_balance": 0.0,
    "norm_statistics": "kept",
    "fit_head": True,
    "guard_weights": 0.0,
    "guard_outputs": 0.0,
    "guard_untrusted": 0.0,
    "guard_drawn_images": 0,
}
# where the child is to keep what its parent knew
GUARDED: dict[str, Any] = FINE_TUNING | {
    "fit_head": False,
    "guard_weights": 1.0,
    "guard_outputs": 20.0,
    "guard_drawn_images": 16,
}

"""What is to be segmented, decided before anything runs. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from napari_unet.errors import ScanError, SettingsError
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.check import check_fit, check_spacing
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics import FrameStatistics
from napari_unet.segment.tasks.registry import task_of
from napari_unet.segment.tasks.task import Task


@dataclass(frozen=True)
class SegmentJob:
    """A scan, what a model says of itself, the frames in order and the region of each.

    A run that goes on, or that does a part, says more: how large its tiles are, in model voxels,
    which of them (a frame, and the part of it that the tile writes) are wanted, and the statistics
    that are known.
    """

    scan: Scan
    spec: ModelSpec
    settings: SegmentSettings
    frames: tuple[Index, ...]
    region: Slices
    core_px: tuple[int, ...] | None = None
    wanted: Callable[[Index, Slices], bool] | None = None
    statistics: Mapping[Index, FrameStatistics] = field(default_factory=dict)

    @property
    def dimensions(self) -> int:
        """2 for slices, 3 for volumes."""
        return self.spec.architecture.dimensions

    @property
    def task(self) -> Task:
        """What the model's labels mean."""
        return task_of(self.spec)

    @property
    def threshold(self) -> float:
        """The probability from which on a voxel is foreground: the setting, or the model's own."""
        return (
            self.settings.threshold if self.settings.threshold is not None else self.spec.threshold
        )


def plan_job(
    spec: ModelSpec,
    scan: Scan,
    settings: SegmentSettings,
    frames: list[Index] | None = None,
    region: Slices | None = None,
) -> SegmentJob:
    """Decide what is segmented: all frames and all of each, unless told otherwise.

    `region` is in voxels of the scan, one slice per axis of a frame. Raises `ScanError` where the
    model does not fit the scan or the region lies outside, `SettingsError` for settings that
    contradict the model.
    """
    check_fit(spec, scan)
    check_spacing(spec, scan, settings)
    if settings.threshold is not None and not task_of(spec).has_threshold:
        raise SettingsError(
            f"A threshold needs a model with two classes; {spec.name} has {len(spec.classes)}. Leave it out."
        )
    if settings.halo == "measured" and spec.halo is None:
        raise SettingsError(f"The model {spec.name} has no measured context. Choose the exact one.")
    shape = scan.frame_shape(spec.architecture.dimensions)
    whole = tuple(slice(0, n) for n in shape)
    part = (
        whole
        if region is None
        else tuple(slice(*_ends(piece, n)) for piece, n in zip(region, shape, strict=True))
    )
    if any(piece.start >= piece.stop for piece in part):
        raise ScanError(
            "The region to segment lies outside the image. Move the view over the image."
        )
    chosen = tuple(scan.frames(spec.architecture.dimensions)) if frames is None else tuple(frames)
    return SegmentJob(scan, spec, settings, chosen, part)


def _ends(piece: slice, length: int) -> tuple[int, int]:
    start, stop, _ = piece.indices(length)
    return start, stop

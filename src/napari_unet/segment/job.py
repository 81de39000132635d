"""What is to be segmented, decided before anything runs. No torch."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from napari_unet.errors import ScanError, SettingsError
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Index, Scan, Slices
from napari_unet.segment.check import check_fit, check_spacing
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.statistics.frame import FrameStatistics
from napari_unet.segment.tasks.registry import task_of
from napari_unet.segment.tasks.task import Task


@dataclass(frozen=True)
class SegmentJob:
    """What to segment: a scan, the spec of the model, the frames in order, and the region of each.

    For a run that is resumed, or that does a part of the tiles, three things are given besides:
    `core_px` is the size of the tiles, in model voxels; `wanted` says of a frame and of the region
    that a tile writes whether to compute it; `statistics` are those of frames that are known.
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
        """The least probability of the foreground: as the settings say, or the model's own."""
        chosen = self.settings.threshold
        return self.spec.threshold if chosen is None else chosen


def plan_job(
    spec: ModelSpec,
    scan: Scan,
    settings: SegmentSettings,
    frames: list[Index] | None = None,
    region: Slices | None = None,
) -> SegmentJob:
    """Decide what is segmented: by default all frames, and the whole of each.

    `region` is in voxels of the scan, one slice per axis of a frame. Raises `ScanError` if the
    model does not fit the scan or the region lies outside, `SettingsError` for settings that the
    model does not allow.
    """
    check_fit(spec, scan)
    check_spacing(spec, scan, settings)
    if settings.threshold is not None and not task_of(spec).has_threshold:
        raise SettingsError(
            f"A threshold was given, but the labels of {spec.name} do not depend on one, as those "
            "of two classes do. Leave it out."
        )
    if settings.halo == "measured" and spec.halo is None:
        raise SettingsError(f"The model {spec.name} has no measured context. Choose the exact one.")
    shape = scan.frame_shape(spec.architecture.dimensions)
    wanted = tuple(slice(None) for _ in shape) if region is None else region
    sides = tuple(slice(*_ends(side, n)) for side, n in zip(wanted, shape, strict=True))
    if any(side.start >= side.stop for side in sides):
        raise ScanError(
            "The region to segment lies outside the image. Move the view over the image."
        )
    chosen = tuple(scan.frames(spec.architecture.dimensions)) if frames is None else tuple(frames)
    return SegmentJob(scan, spec, settings, chosen, sides)


def _ends(side: slice, length: int) -> tuple[int, int]:
    """Where a slice begins and ends within an axis of that length."""
    start, stop, _ = side.indices(length)
    return start, stop

"""Segmenting a scan from Python: an array in, an array of labels out."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from napari_unet.model.model import Model
from napari_unet.progress import GetControl, OnProgress, always_continue, ignore
from napari_unet.scans.channels import Choice, pick_channels
from napari_unet.scans.scan import Scan, scan_of
from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.segment.stream import stream


def segment(
    image: Any,
    model: Model,
    *,
    axes: str | None = None,
    spacing: Sequence[float] | None = None,
    channel: Choice | Sequence[Choice] | None = None,
    settings: SegmentSettings | None = None,
    on_progress: OnProgress = ignore,
    control: GetControl = always_continue,
) -> np.ndarray:
    """Segment an image with a model.

    Parameters
    ----------
    image : numpy, dask or zarr array, a list of resolutions (finest first), or a `Scan`
        2D to 6D, any whole, real or boolean dtype; it is read tile by tile.
    model : Model
        As `load_model` gives it. A 2D model runs over every slice, a 3D model over every volume.
    axes : str, optional
        One letter per axis of "tczyx", such as "zyx" or "yxc"; without it, the last axes are z, y,
        x, and three or four numbers at the end are colours. A model of one channel takes the
        luminance of colours.
    spacing : sequence of float, optional
        Voxel size in µm, one number per spatial axis in the order of `axes`.
    channel : int, str or sequence of them, optional
        Which channels of the image the model sees, by number from 0 or by name: one, or one for
        each channel of the model, in its order.
    settings : SegmentSettings, optional
        Device, engine, tile size, resampling, threshold.
    on_progress, control : callables, optional
        Given a `Progress` after each tile; called for what the user wants, a `Control`, before each
        tile and within it.

    Returns
    -------
    labels : array of the image's shape without its channel axis
        Class indices (uint8), or what else the model's task gives; 0 is background. After STOP,
        what was not computed is 0.

    Raises
    ------
    ScanError
        The image is empty, has other channels or dimensions than the model, or is mostly not
        finite.
    SettingsError, DeviceError, EngineError
        The settings do not fit the model, the machine or what is installed.
    NotEnoughMemoryError
        Memory is not even enough for the smallest tile.
    Cancelled
        `control` answered CANCEL.

    Notes
    -----
    Tiles are exact (Majurski & Bajcsy, J. Res. NIST 126:126009, 2021): the labels are those of the
    whole image in one piece, whatever the tile size. If the context that this needs would cost more
    than half of the image again, and the model has a measured halo, that is used instead, unless
    `settings.halo` is "exact": then about one label in ten thousand differs.
    """
    grey = len(model.spec.channels) == 1
    scan = image if isinstance(image, Scan) else scan_of(image, axes, spacing, grey=grey)
    scan = pick_channels(scan, channel)
    job = plan_job(model.spec, scan, settings or SegmentSettings())
    labels = job.task.empty_labels(scan.result_shape)
    for tile in stream(model, job, on_progress=on_progress, control=control):
        labels[scan.result_index(tile.frame, tile.region)] = scan.to_result_axes(tile.labels)
    return labels


def segment_region(
    model: Model,
    job: SegmentJob,
    *,
    engine: Engine | None = None,
    control: GetControl = always_continue,
) -> np.ndarray:
    """The labels of the region of a job that has one frame, along the frame's axes; what was not
    computed, after STOP, is 0.
    """
    labels = job.task.empty_labels([side.stop - side.start for side in job.region])
    for tile in stream(model, job, control=control, engine=engine):
        within = zip(tile.region, job.region, strict=True)
        labels[tuple(slice(t.start - r.start, t.stop - r.start) for t, r in within)] = tile.labels
    return labels

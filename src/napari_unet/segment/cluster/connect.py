"""Connects to the workers of a scheduler; imports dask only where it is known to be installed."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_unet.devices import core_count
from napari_unet.errors import ClusterError
from napari_unet.model.formats.safetensors_file import model_bytes
from napari_unet.model.model import Model
from napari_unet.segment.cluster.messages import LOCAL, WorkerSetup
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.kinds import NO_CLUSTERS, distributed_version
from napari_unet.segment.settings import SegmentSettings

if TYPE_CHECKING:
    from napari_unet.segment.cluster.workers import Workers

CORES_PER_WORKER = 4


def connect(
    address: str, model: Model, settings: SegmentSettings
) -> AbstractContextManager["Workers"]:
    """The workers of a scheduler, each of which is sent the model when it joins; "local" starts
    some here, and closes them at the end.

    Raises `ClusterError` where dask.distributed is not installed, or the scheduler can not be
    reached.
    """
    if distributed_version() is None:
        raise ClusterError(NO_CLUSTERS)
    from napari_unet.segment.cluster.workers import workers_at

    owned = address == LOCAL
    count = _workers_here(settings) if owned else 0
    setup = WorkerSetup(
        name=f"napari-unet {model.weights_sha256[:8]} {uuid4().hex[:8]}",
        model=model_bytes(model, model.spec.name),
        settings=settings,
        threads=max(1, core_count() // count) if owned else None,
        owned=owned,
    )
    return workers_at(address, setup, count)


def _workers_here(settings: SegmentSettings) -> int:
    """How many workers share this machine: one where a GPU computes, else one for every four cores,
    and two at least where there are two cores.
    """
    if choose_device(settings.device) != "cpu":
        return 1
    cores = core_count()
    return max(min(2, cores), cores // CORES_PER_WORKER)

"""The way to a crew: what each of its workers is given, once it is known that dask is there at all."""

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING
from uuid import uuid4

from napari_unet.devices import core_count
from napari_unet.errors import ClusterError
from napari_unet.model.formats.safetensors_file import model_bytes
from napari_unet.model.model import Model
from napari_unet.segment.cluster.messages import LOCAL, Kit
from napari_unet.segment.engine.choice import choose_device
from napari_unet.segment.engine.kinds import NO_CLUSTERS, distributed_version
from napari_unet.segment.settings import SegmentSettings

if TYPE_CHECKING:
    from napari_unet.segment.cluster.workers import Crew

CORES_PER_WORKER = 4


def hire(address: str, model: Model, settings: SegmentSettings) -> AbstractContextManager["Crew"]:
    """The workers of a scheduler, who get the model when they join; those of "local" are started
    here, and closed at the end.

    Raises `ClusterError` where dask.distributed is not installed, or the scheduler can not be
    reached.
    """
    if distributed_version() is None:
        raise ClusterError(NO_CLUSTERS)
    from napari_unet.segment.cluster.workers import crew_at

    owned = address == LOCAL
    workers = _workers_here(settings) if owned else 0
    threads = max(1, core_count() // workers) if owned else None
    name = f"napari-unet {model.weights_sha256[:8]} {uuid4().hex[:8]}"
    return crew_at(
        address, Kit(name, model_bytes(model, model.spec.name), settings, threads, owned), workers
    )


def _workers_here(settings: SegmentSettings) -> int:
    """How many workers share this machine: two at least, where there are as many cores, but only
    one where a GPU computes.
    """
    cores = core_count()
    if choose_device(settings.device) != "cpu":
        return 1
    return max(min(2, cores), cores // CORES_PER_WORKER)

"""How the model gets to the workers: once to each, also to those that come later or are started anew."""

from typing import Any

from napari_unet.segment.cluster.dask_import import distributed
from napari_unet.segment.cluster.desk import admit, dismiss
from napari_unet.segment.cluster.order import Kit


class Delivery(distributed.WorkerPlugin):  # type: ignore[misc]
    """Brings a kit to a worker, and takes it away when the run ends."""

    def __init__(self, kit: Kit) -> None:
        self._kit = kit

    def setup(self, worker: Any) -> None:
        """Dask calls it where a worker has joined."""
        admit(self._kit)

    def teardown(self, worker: Any) -> None:
        """Dask calls it where the run or the worker ends."""
        dismiss(self._kit.name)

"""What a worker does: it opens its model, its engine and an image once, and computes one chunk of
tiles after the other.
"""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property

from napari_unet.errors import ClusterError, NotEnoughMemoryError, OutputError, ScanError
from napari_unet.model.formats.safetensors_file import load_model_bytes
from napari_unet.model.model import Model
from napari_unet.model.torch_import import free_bytes, torch
from napari_unet.progress import Control
from napari_unet.scans.read import read_scan
from napari_unet.segment.cluster.messages import Kit, Order, Survey
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.protocol import Engine, KnownEngine
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.resumable.journal import Journaled
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import CompleteRun, resumable_run
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.lattice import lattice_of

SHARED = "Workers need the image and the output under the same paths as here, on a file system that all share."


class Desk:
    """One kit at a worker. It computes one chunk at a time, whatever the worker's threads: the
    network takes them all.
    """

    def __init__(self, kit: Kit) -> None:
        self._kit = kit
        self._answer = Control.CONTINUE
        self._lock = threading.Lock()
        self._opened: tuple[Order, SegmentJob] | None = None

    def survey(self, order: Order, sharing: int) -> Survey:
        """What this worker can do, where so many of them share a machine."""
        with self._lock, _told_where():
            job = self._job(order)
            engine = self._engine
            return Survey(
                self._known, lattice_of(job, engine.kind, free_bytes(engine.device) // sharing)[1]
            )

    def compute(self, order: Order, share: range) -> Journaled:
        """Compute the tiles of a share that no journal has; what is finished of it now."""
        with self._lock, _told_where():
            if self._answer is not Control.CONTINUE:
                return Journaled()
            policy = ResumePolicy(resume=True, share=share)
            with resumable_run(
                self._model,
                self._job(order),
                order.outputs,
                policy,
                self._known,
                control=self._control,
            ) as run:
                if isinstance(run, CompleteRun):
                    return Journaled()
                if not run.complete:
                    for tile in stream(
                        self._model, run.job, control=self._control, engine=self._engine
                    ):
                        run.take(tile)
            return run.said

    def stop(self) -> None:
        """Stop, also in the middle of a tile; what is finished stays."""
        self._answer = Control.STOP

    def _control(self) -> Control:
        return self._answer

    @cached_property
    def _model(self) -> Model:
        if self._kit.threads is not None:
            torch.set_num_threads(self._kit.threads)
        return load_model_bytes(self._kit.model, "The model that was sent")

    @cached_property
    def _engine(self) -> Engine:
        return make_engine(self._model, self._kit.settings)

    @cached_property
    def _known(self) -> KnownEngine:
        """The engine as it was at first, which the run is begun with, though another may have taken
        its place.
        """
        return KnownEngine.of(self._engine)

    def _job(self, order: Order) -> SegmentJob:
        """The job of an order; that of the last one is kept open."""
        if self._opened is None or self._opened[0] != order:
            spec = self._model.spec
            dimensions = spec.architecture.dimensions
            channels = len(spec.channels)
            if not order.image.exists():
                raise ScanError(f"There is no image {order.image}. {SHARED}")
            scan = read_scan(
                order.image, order.axes, order.spacing, dimensions=dimensions, channels=channels
            )
            self._opened = order, plan_job(spec, scan, self._kit.settings)
        return self._opened[1]


_DESKS: dict[str, Desk] = {}  # of this process, by the names of their kits


def admit(kit: Kit) -> None:
    """Take a kit; nothing is opened before the first task."""
    if kit.owned and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that owns this one
    _DESKS.setdefault(kit.name, Desk(kit))


def dismiss(name: str) -> None:
    """Stop what is done with a kit, and forget it."""
    if (desk := _DESKS.pop(name, None)) is not None:
        desk.stop()


def survey(name: str, order: Order, sharing: int) -> Survey:
    """The task that comes first, at one worker."""
    if (desk := _DESKS.get(name)) is None:
        raise ClusterError(f"{socket.gethostname()} was not given the model.")
    return desk.survey(order, sharing)


def compute(name: str, order: Order, share: range) -> Journaled:
    """The task of a chunk; nothing where the run was called off."""
    desk = _DESKS.get(name)
    return Journaled() if desk is None else desk.compute(order, share)


@contextmanager
def _told_where() -> Iterator[None]:
    """Say on which machine an image could not be read, or a result not be written."""
    try:
        yield
    except (ScanError, OutputError, NotEnoughMemoryError) as error:
        raise type(error)(f"On {socket.gethostname()}: {error}") from error

"""What runs in a worker's process: it loads the model, makes the engine and opens an image once,
and computes one chunk of tiles after the other.
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
from napari_unet.scans.channels import pick_channels
from napari_unet.scans.read import read_scan
from napari_unet.segment.cluster.messages import ImageTask, WorkerFacts, WorkerSetup
from napari_unet.segment.engine.choice import make_engine
from napari_unet.segment.engine.protocol import Engine, EngineSnapshot
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.resumable.identity import begun_engine
from napari_unet.segment.resumable.journal import JournalContents
from napari_unet.segment.resumable.part import ResumePolicy
from napari_unet.segment.resumable.run import CompleteRun, resumable_run
from napari_unet.segment.stream import stream
from napari_unet.segment.tiles.lattice import lattice_of
from napari_unet.segment.tiles.work import work_of

SHARED = (
    "Workers need the image and the output under the same paths as here, on a file system that all "
    "share."
)


class WorkerState:
    """What one worker holds for one setup: the model, the engine, and the image it opened last.

    It computes one chunk at a time, however many threads dask gives the worker: the network uses
    them all.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        self._setup = setup
        self._wanted = Control.CONTINUE
        self._lock = threading.Lock()
        self._made: tuple[Engine, EngineSnapshot] | None = None
        self._last_job: tuple[ImageTask, SegmentJob] | None = None

    def describe(self, task: ImageTask, sharing: int) -> WorkerFacts:
        """What this worker can do, where `sharing` of them have one machine's memory together."""
        with self._lock, _errors_with_host():
            job = self._job(task)
            engine, at_start = self._engine(task)
            _, core_px = lattice_of(job, engine.kind, free_bytes(engine.device) // sharing)
            return WorkerFacts(at_start, core_px)

    def compute(self, task: ImageTask, share: range) -> JournalContents:
        """Compute the tiles of a share that no journal has; returns what is finished of it."""
        with self._lock, _errors_with_host():
            if self._wanted is not Control.CONTINUE:
                return JournalContents()
            return self._compute(task, ResumePolicy(resume=True, share=share))

    def _compute(self, task: ImageTask, policy: ResumePolicy) -> JournalContents:
        job = self._job(task)
        engine, at_start = self._engine(task)
        with resumable_run(
            self._model, job, task.outputs, policy, at_start, control=self._control
        ) as run:
            if isinstance(run, CompleteRun):
                return JournalContents()
            if not run.complete:
                for tile in stream(self._model, run.job, control=self._control, engine=engine):
                    run.take(tile)
        return run.journal_contents

    def stop(self) -> None:
        """Stop, also in the middle of a tile; finished tiles stay."""
        self._wanted = Control.STOP

    def _control(self) -> Control:
        return self._wanted

    @cached_property
    def _model(self) -> Model:
        if self._setup.threads is not None:
            torch.set_num_threads(self._setup.threads)
        return load_model_bytes(self._setup.model, "The model that was sent")

    def _engine(self, task: ImageTask) -> tuple[Engine, EngineSnapshot]:
        """The engine of a task, and its facts when it was made. A fallback changes them later, and
        a run is resumed only under the engine that it was begun with.
        """
        begun = begun_engine(task.outputs.labels)
        if self._made is None or begun not in ("", self._made[1].name):
            settings = self._setup.settings
            engine = make_engine(self._model, settings, work_of(self._job(task)), begun)
            self._made = engine, EngineSnapshot.of(engine)
        return self._made

    def _job(self, task: ImageTask) -> SegmentJob:
        """The job of a task; the last one stays open, since most tasks are of the same image."""
        if self._last_job is None or self._last_job[0] != task:
            self._last_job = task, self._opened(task)
        return self._last_job[1]

    def _opened(self, task: ImageTask) -> SegmentJob:
        spec = self._model.spec
        if not task.image.exists():
            raise ScanError(f"There is no image {task.image}. {SHARED}")
        scan = read_scan(
            task.image,
            task.axes,
            task.spacing,
            dimensions=spec.architecture.dimensions,
            channels=len(spec.channels),
        )
        return plan_job(spec, pick_channels(scan, task.channels), self._setup.settings)


_STATES: dict[str, WorkerState] = {}  # of this process, by the names of their setups


def prepare_worker(setup: WorkerSetup) -> None:
    """Keep a setup in this process; nothing is loaded before the first task."""
    if setup.owned and threading.current_thread() is threading.main_thread():
        # Ctrl-C goes to the whole group of processes, but it is for the one that owns this worker
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _STATES.setdefault(setup.name, WorkerState(setup))


def release_worker(name: str) -> None:
    """Stop what is computed under a setup, and forget it."""
    if (state := _STATES.pop(name, None)) is not None:
        state.stop()


def describe_worker(name: str, task: ImageTask, sharing: int) -> WorkerFacts:
    """The task that comes first, at one worker."""
    if (state := _STATES.get(name)) is None:
        raise ClusterError(f"{socket.gethostname()} was not given the model.")
    return state.describe(task, sharing)


def compute_share(name: str, task: ImageTask, share: range) -> JournalContents:
    """The task of a chunk; nothing is computed where the run was cancelled."""
    state = _STATES.get(name)
    return JournalContents() if state is None else state.compute(task, share)


@contextmanager
def _errors_with_host() -> Iterator[None]:
    """Say on which machine an image could not be read, a result not be written, or memory was not
    enough.
    """
    try:
        yield
    except (ScanError, OutputError, NotEnoughMemoryError) as error:
        raise type(error)(f"On {socket.gethostname()}: {error}") from error

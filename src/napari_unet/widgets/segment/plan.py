"""From choices to a run: what fits, and what is segmented."""

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf, prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_unet.devices import Device, cpu_device, ram_available_bytes
from napari_unet.errors import OutputError, ScanError, SettingsError
from napari_unet.files.atomic import check_writable
from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ModelSpec
from napari_unet.scans.scan import Scan
from napari_unet.segment.check import check_fit, notes
from napari_unet.segment.engine.kinds import Kind, kind_for, openvino_version
from napari_unet.segment.engine.speed_cache import PROBE_VOXELS, has_run, known_voxel_seconds
from napari_unet.segment.estimate import estimate
from napari_unet.segment.job import SegmentJob, plan_job
from napari_unet.segment.settings import SegmentSettings
from napari_unet.widgets.arrays.result_arrays import ResultArrays
from napari_unet.widgets.docks.fit_probe import FitQuestion, question_of
from napari_unet.widgets.fields.values import InputChoice, Readiness
from napari_unet.widgets.painting.correcting import TASK, layer_to_carry_over
from napari_unet.widgets.painting.tracked_layers import copy_corrections
from napari_unet.widgets.segment.choices import SegmentChoices, title_of
from napari_unet.widgets.segment.result_layer import ResultLayer, result_name
from napari_unet.widgets.segment.run import SegmentRun
from napari_unet.widgets.segment.task import RunOrder
from napari_unet.widgets.viewer.focus import ViewFocus, part_in_view
from napari_unet.widgets.viewer.layer_list import is_open
from napari_unet.widgets.viewer.layer_watch import LayerWatch
from napari_unet.widgets.viewer.placement import placement
from napari_unet.widgets.viewer.scan_from_layers import are_aligned, scan_from_layers
from napari_unet.widgets.viewer.sources import set_source

if TYPE_CHECKING:
    from napari.layers import Image, Labels

NO_IMAGE = "Open an image to begin: File ▸ Open Sample ▸ U-Net Loop has some."
OTHER_PLACE = "The chosen layers differ in scale or place; their pixels are taken one for one."
SAME_LAYER = "One layer is chosen for several channels."
PARTS = ("current_slice_only", "region_in_view_only")  # choices that leave some of an image out
NO_MODEL = "Choose a model: Open… takes any model file."


@dataclass(frozen=True)
class Cost:
    """What a run would take, in words; where its time is not known, the settings to measure it
    with, in windows of so many voxels.
    """

    text: str = ""
    unmeasured: SegmentSettings | None = None
    voxels: int = 0


class SegmentPlan:
    """Makes runs for a viewer from the values of the leaf widgets."""

    def __init__(self, viewer: Any, watch: LayerWatch) -> None:
        self._viewer = weakref.ref(viewer)
        self._watch = watch

    def readiness(self, image: InputChoice, entry: ModelEntry | None) -> Readiness:
        """Whether the model fits the image, without reading a pixel."""
        if entry is None or entry.header is None:
            return Readiness(False, entry.problem if entry else NO_MODEL)
        if not self._layers(image):
            return Readiness(False, image.problem or NO_IMAGE)
        try:
            scan = self._scan(image)
            check_fit(entry.header.spec, scan)
        except ScanError as error:
            return Readiness(False, str(error))
        found = list(entry.header.notes)
        found += notes(entry.header.spec, scan, SegmentSettings(resample=False))
        if len(set(image.layers)) < len(image.layers):
            found.append(SAME_LAYER)
        if not are_aligned(self._layers(image)):
            found.append(OTHER_PLACE)
        return Readiness(True, " ".join(found))

    def file_name(self, image: InputChoice) -> str:
        """What a file of the result could be called."""
        layers = self._layers(image)
        return f"{layers[0].name}-labels" if layers else "labels"

    def make_run(
        self, image: InputChoice, entry: ModelEntry, choices: SegmentChoices
    ) -> SegmentRun:
        """A run that has not begun; raises `NapariUNetError` with one sentence where there can be
        none.
        """
        viewer = self._viewer()
        layers = self._layers(image)
        if viewer is None or not layers or entry.header is None:
            raise ScanError(NO_IMAGE)
        path = file_of(choices)
        job = self._job(viewer, image, entry.header.spec, choices)
        scan = job.scan
        older = layer_to_carry_over(viewer, layers, scan.result_shape, job.spec.task)
        dtype = job.task.label_dtype
        corrections = copy_corrections(older, dtype=dtype) if older is not None else None
        held_older = weakref.ref(older) if older is not None else _none
        show = partial(show_result, self._viewer, layers, image, entry, job, held_older)
        focus = ViewFocus(viewer, layers[0], scan, image.axes, job.dimensions)
        arrays = ResultArrays(job, corrections, None if path is None else path.parent)
        order = RunOrder(entry, job, focus, arrays, path)
        return SegmentRun(f"Segmenting {layers[0].name}", order, show)

    def cost(
        self,
        image: InputChoice,
        entry: ModelEntry | None,
        device: Device | None,
        choices: SegmentChoices,
    ) -> Cost:
        """What a run would take; nothing where there can be none, or where that depends on what the
        canvas shows.
        """
        viewer = self._viewer()
        spec = entry.header.spec if entry and entry.header else None
        if viewer is None or spec is None or device is None or not self._layers(image):
            return Cost()
        if choices.region_in_view_only:
            return Cost()
        kind, runs_on = _runner(spec, device, choices)
        here = choices.model_copy(update={"device": runs_on.name})
        try:
            job = self._job(viewer, image, spec, here)
        except ScanError:
            return Cost()
        except SettingsError as error:
            return Cost(str(error))
        return _cost(job, kind, runs_on)

    def fit_question(
        self, image: InputChoice, entry: ModelEntry | None, choices: SegmentChoices
    ) -> FitQuestion | None:
        """Whether a model fits what is in view of an image; None where it can not be run."""
        viewer = self._viewer()
        layers = self._layers(image)
        if viewer is None or entry is None or not self.readiness(image, entry).ready:
            return None
        return question_of(viewer, layers[0], self._scan(image), image, entry, choices.settings)

    def _job(
        self, viewer: Any, image: InputChoice, spec: ModelSpec, choices: SegmentChoices
    ) -> SegmentJob:
        """What is to be segmented; raises `NapariUNetError` where it can not be."""
        scan = self._scan(image)
        check_fit(spec, scan)
        frames, region = part_in_view(
            viewer,
            self._layers(image)[0],
            scan,
            image.axes,
            spec.architecture.dimensions,
            choices.current_slice_only,
            choices.region_in_view_only,
        )
        return plan_job(spec, scan, choices.settings, frames, region)

    def _layers(self, choice: InputChoice) -> "list[Image]":
        layers = self._watch.layers(choice.layers)
        return layers if len(layers) == len(choice.layers) else []

    def _scan(self, choice: InputChoice) -> Scan:
        return scan_from_layers(self._layers(choice), choice)


def _cost(job: SegmentJob, kind: Kind, device: Device) -> Cost:
    """What a job takes on a device, in the memory that is free there now."""
    on_card = device.name != "cpu"
    free = device.memory_bytes if on_card else None  # a card's is known since it was found
    found = estimate(job, kind, device.name, free or ram_available_bytes())
    unknown = found.seconds is None and found.large
    return Cost(found.text, job.settings if unknown else None, prod(found.window))


def _runner(spec: ModelSpec, device: Device, choices: SegmentChoices) -> tuple[Kind, Device]:
    """What will run a model, and where."""
    has_openvino = openvino_version() is not None
    engine = _engine(spec, device, choices) if has_openvino else choices.engine
    kind = kind_for(engine, device.name, has_openvino, choices.precision)
    runs_on = cpu_device() if kind.startswith("openvino") else device
    if runs_on.name == "cpu" and not has_run(spec.architecture, kind, runs_on.name):
        kind = kind_for(engine, device.name, has_openvino)  # it may have no half precision
    return kind, runs_on


def _engine(spec: ModelSpec, device: Device, choices: SegmentChoices) -> str:
    """The engine that will run: of those that "auto" may take, the one known to be faster."""
    if choices.engine != "auto" or device.name != "cpu":
        return choices.engine

    def seconds(engine: str) -> float:
        kind = kind_for(engine, device.name, True, choices.precision)
        known = known_voxel_seconds(spec.architecture, kind, device.name, PROBE_VOXELS)
        return inf if known is None else known

    return min(("torch", "openvino"), key=seconds)


def file_of(choices: SegmentChoices) -> Path | None:
    """The file that the result is to be kept in, if any; raises `SettingsError` for a part of an
    image, `OutputError` where there is no such folder.
    """
    if (path := choices.file) is None:
        return None
    parts = [name for name in PARTS if getattr(choices, name)]
    if parts:
        titles = " and ".join(f'"{title_of(name)}"' for name in parts)
        raise SettingsError(
            f"Only whole images are kept in a file. Switch {titles} off, or empty "
            f'"{title_of("keep_in")}".'
        )
    if not path.is_absolute():
        raise OutputError(
            "Give the whole path of the file that the result is kept in, such as "
            f"{Path.home() / path.name}."
        )
    if not path.parent.is_dir():
        raise OutputError(
            f"The folder {path.parent} does not exist. Choose another place for the result."
        )
    check_writable(path)
    return path


def show_result(
    viewer: Callable[[], Any],
    images: "list[Image]",
    choice: InputChoice,
    entry: ModelEntry,
    job: SegmentJob,
    older: "Callable[[], Labels | None]",
    arrays: ResultArrays,
) -> ResultLayer | None:
    """Put the layers of a run into the viewer, if it is still open; `older` is the result whose
    corrections it takes over.
    """
    opened = viewer()
    if not is_open(opened):
        return None
    name = result_name(images[0], entry.name)
    result = ResultLayer(opened, arrays, placement(images[0], choice.axes), name)
    if (labels := result.labels) is not None:
        set_source(labels, images, choice)
    if (painted := older()) is not None:
        result.carries_over(painted)
    sha = entry.header.weights_sha256 if entry.header else ""
    result.note(
        {
            "model": job.spec.name,
            "weights_sha256": sha,
            TASK: job.spec.task,
            "settings": job.settings.model_dump(),
        }
    )
    return result


def _none() -> None:
    """Stand for an older result that there is not."""

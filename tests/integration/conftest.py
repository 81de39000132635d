"""A real viewer, a real dock opened as from the menu, tiny models in the library, real clicks."""

import gc
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from napari._app_model import get_app_model
from npe2 import PluginManager, PluginManifest

from helpers.clicks import press
from helpers.source_tree import ROOT
from helpers.tiny import smooth_image, tiny_model, tiny_spec
from napari_unet.devices import Device
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.library import save_model
from napari_unet.widgets.docks import fit_probe
from napari_unet.widgets.docks.run import RunEnd
from napari_unet.widgets.finetune import plan as finetune_plan
from napari_unet.widgets.finetune.dock import FinetuneWidget
from napari_unet.widgets.jobs import device_probe
from napari_unet.widgets.jobs.job import Job
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.dock import SegmentWidget
from napari_unet.widgets.viewer.preferences import PLUGIN, remember

MODELS = {
    "tiny-2d": tiny_spec(),
    "tiny-3d": tiny_spec(3, depth=1),
    "tiny-classes": tiny_spec(classes=3),
    "tiny-channels": tiny_spec(channels=2),
    "tiny-colours": tiny_spec(channels=3),
    "tiny-spacing": tiny_spec(spacing=(0.5, 0.5)),
}
PATIENCE_MS = 60_000  # a job's threads give way to whatever else the machine does


@pytest.fixture(autouse=True)
def _what_is_old_is_not_looked_through() -> None:
    """napari collects garbage whenever a layer is removed, which takes as long as there are
    objects: those from before do not count.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _manifests_are_read_once() -> Iterator[None]:
    """Each new viewer looks for plugins; what is installed does not change between tests."""
    found = list(PluginManifest.discover())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PluginManifest, "discover", lambda paths=(): iter(found))
        yield


@pytest.fixture(scope="session")
def model_files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The tiny models in files, to be copied."""
    folder = tmp_path_factory.mktemp("tiny-models")
    specs = [spec.model_copy(update={"name": name}) for name, spec in MODELS.items()]
    return [save_model(tiny_model(spec), folder / f"{spec.name}.safetensors") for spec in specs]


@pytest.fixture(autouse=True)
def _a_world_of_its_own(
    tmp_path: Path, model_files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tiny models alone, known devices, and no settings on disk."""
    for file in model_files:
        shutil.copyfile(file, tmp_path / file.name)
    monkeypatch.setenv("NAPARI_UNET_MODELS", str(tmp_path))
    monkeypatch.setattr("napari_unet.model.library.BUILTIN_FOLDER", tmp_path / "none")
    monkeypatch.setattr(device_probe, "_found", [Device("cpu", "Processor")])


@pytest.fixture(autouse=True)
def _models_are_tried_when_a_test_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process for each choice would only slow the tests down."""
    monkeypatch.setattr(fit_probe, "REST_MS", 3_600_000)


@pytest.fixture(autouse=True)
def _no_job_is_left() -> Iterator[None]:
    yield
    assert (Job._running, Job._queue) == ([], [])


@pytest.fixture
def viewer(make_napari_viewer: Any) -> Any:
    manager = PluginManager.instance()
    manager.discover()
    if PLUGIN not in manager:
        manager.register(PluginManifest.from_file(ROOT / "napari.yaml"))
    remember(SegmentChoices())
    return make_napari_viewer(show=False)


@pytest.fixture
def dock(viewer: Any, qtbot: Any) -> Callable[..., SegmentWidget]:
    """Opens the dock as the menu does, with this model chosen."""

    def open_dock(model: str = "tiny-2d") -> SegmentWidget:
        widget = viewer.window._qt_window.findChild(SegmentWidget)
        if widget is None:
            get_app_model().commands.execute_command(f"{PLUGIN}.segment").result()
            widget = viewer.window._qt_window.findChild(SegmentWidget)
        qtbot.wait(10)
        widget.form.model.set_value(model)
        return widget

    return open_dock


@pytest.fixture
def click(qtbot: Any) -> Callable[[SegmentWidget], RunEnd]:
    """Clicks Segment and waits for the end of the run."""

    def click_and_wait(widget: SegmentWidget) -> RunEnd:
        with qtbot.waitSignal(widget.run_ended, timeout=PATIENCE_MS) as ended:
            press(widget.form.bar.run_button)
        return ended.args[0]

    return click_and_wait


@pytest.fixture
def begin(qtbot: Any) -> Callable[[SegmentWidget], None]:
    """Clicks Segment and waits for the first tile."""

    def click_and_wait(widget: SegmentWidget) -> None:
        press(widget.form.bar.run_button)
        qtbot.waitUntil(
            lambda: widget.run is not None and widget.run.tiles[0] > 0, timeout=PATIENCE_MS
        )

    return click_and_wait


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """A training takes some steps, not a minute, and writes its checkpoint after each."""
    settings = TrainSettings(steps=12, batch=2, patch_px=32, device="cpu", checkpoint_seconds=0)
    monkeypatch.setattr(finetune_plan, "settings_for", lambda choices: settings)


@pytest.fixture
def open_finetune(viewer: Any, qtbot: Any) -> Callable[[], FinetuneWidget]:
    """Opens the Fine-tune dock as the menu does."""

    def open_dock() -> FinetuneWidget:
        get_app_model().commands.execute_command(f"{PLUGIN}.finetune").result()
        widget = viewer.window._qt_window.findChild(FinetuneWidget)
        qtbot.wait(20)
        return widget

    return open_dock


@pytest.fixture
def corrected(viewer: Any, dock: Any, click: Any, open_finetune: Any, qtbot: Any) -> FinetuneWidget:
    """A segmented image, all of whose labels are put right and called right."""
    image = smooth_image((96, 96))
    viewer.add_image(image, name="cells")
    click(dock())
    labels = viewer.layers["cells · tiny-2d"]
    widget = open_finetune()
    labels.data[:] = image > np.median(image)
    labels.refresh()
    qtbot.waitUntil(lambda: widget.form.review.whole_button.isEnabled())
    press(widget.form.review.whole_button)
    qtbot.waitUntil(widget.form.bar.run_button.isEnabled, timeout=5000)
    return widget

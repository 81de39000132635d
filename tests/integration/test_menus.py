"""Where the dock and the samples are found, and what opening them costs."""

import subprocess
import sys
import time

import numpy as np
import pytest
from npe2 import PluginManager
from qtpy.QtWidgets import QMenu

from napari_unet.widgets.finetune.dock import FinetuneWidget
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.segment.dock import SegmentWidget
from napari_unet.widgets.viewer.preferences import PLUGIN

pytestmark = pytest.mark.viewer
SEGMENT = "Segment (U-Net Loop)"
FINETUNE = "Fine-tune (U-Net Loop)"


def action_of(menu: QMenu, text: str):
    menu.aboutToShow.emit()
    return next(action for action in menu.actions() if action.text() == text)


def menu_of(viewer, *titles: str) -> QMenu:
    bar = viewer.window._qt_window.menuBar()
    menu = next(
        action.menu() for action in bar.actions() if action.text().replace("&", "") == titles[0]
    )
    for title in titles[1:]:
        menu = action_of(menu, title).menu()
    return menu


@pytest.mark.parametrize(
    ("path", "title", "kind"),
    [
        (("Plugins", "U-Net Loop"), SEGMENT, SegmentWidget),
        (("Layers", "Segment"), SEGMENT, SegmentWidget),
        (("Plugins", "U-Net Loop"), FINETUNE, FinetuneWidget),
        (("Layers", "Annotate"), FINETUNE, FinetuneWidget),
    ],
)
def test_both_menus_open_the_docks(viewer, path, title, kind):
    action_of(menu_of(viewer, *path), title).trigger()
    assert viewer.window._qt_window.findChild(kind) is not None


def test_the_samples_are_in_the_file_menu(viewer):
    menu = menu_of(viewer, "File", "Open Sample", "U-Net Loop")
    assert len(menu.actions()) == 4
    action_of(menu, "Nuclei (2D)").trigger()
    assert [layer.name for layer in viewer.layers] == ["Nuclei (2D)", "Nuclei (2D): truth"]


def test_every_command_of_the_manifest_can_be_loaded():
    manager = PluginManager.instance()
    for command in manager.get_manifest(PLUGIN).contributions.commands:
        assert callable(manager.commands.get(command.id))


def test_the_last_choices_are_remembered(viewer, dock, click):
    viewer.add_image(np.zeros((40, 50)))
    first = dock("tiny-classes")
    first.form.options.set_value(SegmentChoices(keep_probabilities=True))
    click(first)
    again = SegmentWidget(viewer)
    assert again.form.model.value().name == "tiny-classes"
    assert again.form.options.value().keep_probabilities


@pytest.mark.parametrize("kind", [SegmentWidget, FinetuneWidget])
def test_opening_a_dock_imports_no_torch(kind):
    program = (
        "import sys; from napari.components import ViewerModel;"
        "from qtpy.QtWidgets import QApplication; app = QApplication([]);"
        f"from {kind.__module__} import {kind.__name__} as Dock; widget = Dock(ViewerModel());"
        "widget._probe._process.waitForFinished(60000);"
        "assert not {'torch', 'pyqtgraph'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


@pytest.mark.alone
@pytest.mark.slow
@pytest.mark.parametrize("kind", [SegmentWidget, FinetuneWidget])
def test_a_dock_opens_quickly(viewer, kind):
    kind(viewer).close()
    before = time.perf_counter()
    kind(viewer).close()
    assert time.perf_counter() - before < 0.4

"""What holds for all leaf widgets: they can be made alone, explain themselves, and know neither
napari nor torch.
"""

import ast
import importlib
from pathlib import Path

import pytest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractSpinBox,
    QComboBox,
    QScrollBar,
    QSlider,
    QWidget,
)

from helpers.source_tree import PACKAGE, third_parties
from napari_unet.widgets.finetune.form import FinetuneForm
from napari_unet.widgets.segment.form import SegmentForm

LEAVES = {
    "AxesField": "fields.axes_field",
    "BudgetPicker": "finetune.fields.budget",
    "ClassEditor": "finetune.fields.class_editor",
    "ClassLegend": "fields.class_legend",
    "Curves": "finetune.fields.curves",
    "DevicePicker": "fields.device_picker",
    "FinetuneForm": "finetune.form",
    "FinetuneOptions": "finetune.options",
    "InputPicker": "fields.input_picker",
    "LayerCombos": "fields.layer_combos",
    "MessageLine": "fields.message_line",
    "ModelPicker": "fields.model_picker",
    "NameField": "fields.name_field",
    "OptionsForm": "segment.options",
    "PairRow": "finetune.fields.pair_row",
    "PairsPicker": "finetune.fields.pairs",
    "ParentPicker": "finetune.fields.start_model",
    "PreviewWipe": "finetune.fields.preview",
    "SegmentForm": "segment.form",
    "SpacingField": "fields.spacing_field",
    "TrainingPanel": "finetune.fields.training_panel",
    "ReviewBar": "finetune.fields.review_bar",
    "VerdictCard": "finetune.fields.verdict_card",
}
FIELDS = (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider)


@pytest.mark.parametrize(("name", "module"), LEAVES.items())
def test_a_leaf_stands_alone(qtbot, module, name):
    widget = getattr(importlib.import_module(f"napari_unet.widgets.{module}"), name)()
    qtbot.addWidget(widget)
    widget.show()
    assert isinstance(widget, QWidget)


WIDGETS = PACKAGE / "widgets"
LEAF_FILES = [*(WIDGETS / "fields").glob("*.py"), *(WIDGETS / "finetune" / "fields").glob("*.py")]
FILES = sorted(WIDGETS.rglob("*.py"))
HAVE_NAPARI = (
    "viewer/",
    "painting/",  # listens to the tools of labels layers
    "docks/open_dock",  # opens a dock by napari's own command, as the menu does
    "jobs/job",  # its threads are napari's, so that a window that closes finds them
    "jobs/worker",
    "segment/demo",  # opens napari itself
)
HAVE_VIEWER = ("viewer/", "docks/open_dock", "segment/demo")
VIEWER_PARTS = {"add_layer", "camera", "dims", "events", "layers", "scene", "theme", "window"}
THREADS = {"threading", "QThread", "FunctionWorker", "create_worker", "QThreadPool"}


def name_of(file: Path) -> str:
    return file.relative_to(WIDGETS).with_suffix("").as_posix()


@pytest.mark.parametrize("file", LEAF_FILES, ids=name_of)
def test_a_leaf_knows_neither_napari_nor_torch(file):
    assert third_parties(file).isdisjoint({"napari", "torch"})


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_viewer_and_painting_import_napari(file):
    assert name_of(file).startswith(HAVE_NAPARI) or "napari" not in third_parties(file, types=False)


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_viewer_touches_the_viewer(file):
    touched = {
        f"{node.lineno}: {ast.unparse(node)}"
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in VIEWER_PARTS
        and ast.unparse(node.value).endswith(("viewer", "viewer()", "viewer(viewer)"))
    }
    assert name_of(file).startswith(HAVE_VIEWER) or touched == set()


@pytest.mark.parametrize("file", FILES, ids=name_of)
def test_only_jobs_know_threads(file):
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    names = {
        a.name for node in nodes for a in getattr(node, "names", []) if isinstance(a, ast.alias)
    }
    assert name_of(file).startswith("jobs/") or names.isdisjoint(THREADS)


@pytest.mark.parametrize("kind", [SegmentForm, FinetuneForm])
def test_every_field_has_a_tooltip(qtbot, kind):
    form = kind()
    qtbot.addWidget(form)
    silent = [
        field for sort in FIELDS for field in form.findChildren(sort) if not _explained(field)
    ]
    assert silent == []


def _explained(field: QWidget) -> bool:
    if isinstance(field, QScrollBar) or field.objectName().startswith("qt_"):
        return True
    parent = field.parentWidget()
    return bool(field.toolTip() or (parent is not None and parent.toolTip()))

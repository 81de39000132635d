"""What holds for all leaf widgets: they can be made alone, explain themselves, and know neither
napari nor torch.
"""

import ast
import importlib

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
    "axes_field": "AxesField",
    "budget_picker": "BudgetPicker",
    "class_editor": "ClassEditor",
    "class_legend": "ClassLegend",
    "curves": "Curves",
    "device_picker": "DevicePicker",
    "engine_picker": "EnginePicker",
    "finetune_form": "FinetuneForm",
    "finetune_options": "FinetuneOptions",
    "halo_picker": "HaloPicker",
    "precision_picker": "PrecisionPicker",
    "input_picker": "InputPicker",
    "keep_field": "KeepField",
    "layer_combos": "LayerCombos",
    "message_line": "MessageLine",
    "model_picker": "ModelPicker",
    "name_field": "NameField",
    "options_form": "OptionsForm",
    "pair_row": "PairRow",
    "pairs_picker": "PairsPicker",
    "parent_picker": "ParentPicker",
    "preview_wipe": "PreviewWipe",
    "segment_form": "SegmentForm",
    "spacing_field": "SpacingField",
    "training_panel": "TrainingPanel",
    "trust_bar": "TrustBar",
    "verdict_card": "VerdictCard",
}
FIELDS = (QAbstractButton, QAbstractSpinBox, QComboBox, QSlider)


@pytest.mark.parametrize(("module", "name"), LEAVES.items())
def test_a_leaf_stands_alone(qtbot, module, name):
    widget = getattr(importlib.import_module(f"napari_unet.widgets.{module}"), name)()
    qtbot.addWidget(widget)
    widget.show()
    assert isinstance(widget, QWidget)


@pytest.mark.parametrize(
    "module",
    [
        *LEAVES,
        "fold",
        "model_facts",
        "pair_finder",
        "records",
        "rows",
        "run_bar",
        "setting_picker",
        "snug_area",
    ],
)
def test_a_leaf_knows_neither_napari_nor_torch(module):
    assert third_parties(PACKAGE / "widgets" / f"{module}.py").isdisjoint({"napari", "torch"})


@pytest.mark.parametrize(
    "file", sorted((PACKAGE / "widgets").glob("*.py")), ids=lambda file: file.stem
)
def test_only_the_bridge_and_its_neighbours_import_napari(file):
    allowed = {
        "job_worker",
        "preferences",
        "segment_plan",
        "finetune_plan",
        "finetune_trust",
        "demo",
    }
    assert file.stem in allowed or "napari" not in third_parties(file)


@pytest.mark.parametrize(
    "file", sorted((PACKAGE / "widgets").glob("*.py")), ids=lambda file: file.stem
)
def test_only_the_worker_and_the_outbox_know_threads(file):
    names = {node.name for tree in [ast.parse(file.read_text())] for item in ast.walk(tree) for node in getattr(item, "names", [])
             if isinstance(node, ast.alias)}  # fmt: skip
    assert file.stem in ("job_worker", "job_threads", "outbox") or names.isdisjoint(
        {"threading", "QThread", "FunctionWorker", "create_worker", "QThreadPool"}
    )


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

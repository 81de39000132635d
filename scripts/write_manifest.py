"""Write the configuration of napari.yaml from the choices that are declared as remembered.

Run .venv/bin/python scripts/write_manifest.py after a change of such a choice; a test compares.
"""

from pathlib import Path
from typing import Any

import yaml
from pydantic.fields import FieldInfo

from napari_unet.segment.settings_fields import shape_of
from napari_unet.widgets.finetune.order import TrainChoices
from napari_unet.widgets.segment.choices import SegmentChoices
from napari_unet.widgets.viewer.preferences import RememberedChoices, remembered_names

DOCKS: dict[str, type[RememberedChoices]] = {"Segment": SegmentChoices, "Fine-tune": TrainChoices}
MANIFEST = Path(__file__).parent.parent / "napari.yaml"
BEGIN = "  configurations:\n"  # the last part of the manifest
TYPES = {
    "flag": "boolean",
    "word": "string",
    "text": "string",
    "whole": "integer",
    "number": "number",
}


def configuration() -> dict[str, Any]:
    """The settings that napari offers for the choices that are remembered, dock by dock."""
    return {
        choices.section: {
            "title": title,
            "properties": {
                name: _property(choices.model_fields[name]) for name in remembered_names(choices)
            },
        }
        for title, choices in DOCKS.items()
    }


def manifest(text: str) -> str:
    """The manifest with its configuration written anew."""
    body = yaml.safe_dump(configuration(), sort_keys=False, allow_unicode=True, width=10_000)
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    return text.partition(BEGIN)[0] + BEGIN + indented


def _property(info: FieldInfo) -> dict[str, Any]:
    shape = shape_of(info)
    if shape.optional or shape.kind == "list":
        raise TypeError(f"napari can not remember {info.title!r}: it may be None, or is a list.")
    limits = {
        "exclusiveMinimum" if shape.low_open else "minimum": shape.low,
        "exclusiveMaximum" if shape.high_open else "maximum": shape.high,
        "enum": list(shape.words) or None,
    }
    return {
        "type": TYPES[shape.kind],
        "default": info.default,
        "title": info.title,
        "description": info.description,
        **{name: value for name, value in limits.items() if value is not None},
    }


if __name__ == "__main__":
    MANIFEST.write_text(manifest(MANIFEST.read_text(encoding="utf-8")), encoding="utf-8")

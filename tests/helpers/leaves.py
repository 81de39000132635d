"""What the tests of the leaf widgets share: facts of layers and models that need no files."""

from pathlib import Path

from helpers.tiny import tiny_spec
from napari_unet.model.formats.header import ModelHeader
from napari_unet.model.library import ModelEntry
from napari_unet.model.spec import ModelSpec
from napari_unet.widgets.fields.values import LayerFacts


def entry(name: str = "tiny", spec: ModelSpec | None = None, **facts: object) -> ModelEntry:
    spec = (spec or tiny_spec()).model_copy(update=facts)
    header = ModelHeader(spec, "ab" * 32, {"a": (10, 100)}, 4000)
    return ModelEntry(name, Path(f"/models/{name}.safetensors"), True, header)


def broken(name: str = "broken") -> ModelEntry:
    return ModelEntry(
        name, Path(f"/models/{name}.safetensors"), False, None, "broken is cut off. Copy it again."
    )


def layer(
    key: int = 1, name: str = "cells", shape: tuple[int, ...] = (64, 48), **facts: object
) -> LayerFacts:
    return LayerFacts(key, name, shape, **facts)

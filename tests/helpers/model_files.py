"""Model files that are not as this program writes them."""

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any


def rewrite_header(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change the header of a model file as a dict, and write it back."""
    data = path.read_bytes()
    length = struct.unpack("<Q", data[:8])[0]
    fields = json.loads(data[8 : 8 + length])
    change(fields)
    text = json.dumps(fields).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + length :])


def rewrite_spec(path: Path, change: Callable[[dict[str, Any]], object]) -> Path:
    """Change the spec in a model file as a dict, and write it back."""

    def change_text(fields: dict[str, Any]) -> None:
        metadata = fields["__metadata__"]
        spec = json.loads(metadata["napari_unet"])
        change(spec)
        metadata["napari_unet"] = json.dumps(spec)

    rewrite_header(path, change_text)
    return path


def spec_in(path: Path) -> dict[str, Any]:
    """The spec in a model file, as it is written."""
    found: list[dict[str, Any]] = []
    rewrite_spec(path, lambda spec: found.append(dict(spec)))
    return found[0]

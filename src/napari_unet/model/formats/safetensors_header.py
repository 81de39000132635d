"""The header of a .safetensors file: read and checked without torch, before any tensor is."""

import json
import struct
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from napari_unet.errors import ModelFileError
from napari_unet.model.formats.header import ModelHeader
from napari_unet.model.formats.spec_text import ADVICE, parse_spec
from napari_unet.words import data_size

MAX_FILE_BYTES = 2 * 2**30
MAX_HEADER_BYTES = 2**20
MAX_PARAMETERS = 200_000_000
MAX_TENSORS = 1_000
MAX_RANK = 5
SPEC_KEY = "napari_unet"
HASH_KEY = "weights_sha256"


def read_header(path: Path) -> ModelHeader:
    """The header of a model file; raises `ModelFileError` with one sentence for anything that is
    wrong with it.
    """
    with path.open("rb") as file:
        return parse_header(file, path.stat().st_size, path.name)


def parse_header(file: BinaryIO, size: int, name: str) -> ModelHeader:
    """Read and check the header from the start of an open file of that size."""
    if size > MAX_FILE_BYTES:
        raise ModelFileError(
            f"{name} is {data_size(size)}; models of at most {data_size(MAX_FILE_BYTES)} are read."
        )
    raw, start = _raw_header(file, size, name)
    metadata = raw.pop("__metadata__", {})
    if isinstance(metadata, dict) and not all(isinstance(v, str) for v in metadata.values()):
        raise ModelFileError(
            f"{name} is damaged: its metadata holds what is no text. {ADVICE}, or copy it again."
        )
    if not isinstance(metadata, dict) or SPEC_KEY not in metadata:
        raise ModelFileError(
            f"{name} holds tensors but does not say what network they are for. {ADVICE}."
        )
    shapes = _shapes(raw, size - start, name)
    found = parse_spec(metadata[SPEC_KEY], name)
    own_hash = _hash(metadata, name)
    return ModelHeader(found.spec, own_hash, shapes, size, found.format_version, found.notes)


def _raw_header(file: BinaryIO, size: int, name: str) -> tuple[dict[str, Any], int]:
    lead = file.read(8)
    length = struct.unpack("<Q", lead)[0] if len(lead) == 8 else 0
    plausible = 2 <= length <= MAX_HEADER_BYTES and size >= 8 + length
    if not plausible:
        raise ModelFileError(
            f"{name} is not a whole .safetensors file ({size} bytes). {ADVICE}, or copy it again."
        )
    try:
        raw = json.loads(file.read(length).decode("utf-8"), object_pairs_hook=_without_duplicates)
    except (ValueError, RecursionError) as error:
        raise ModelFileError(f"{name} has a damaged header. {ADVICE}, or copy it again.") from error
    if not isinstance(raw, dict):
        raise ModelFileError(f"{name} has a damaged header. {ADVICE}, or copy it again.")
    return raw, 8 + length


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object. A name that is there twice is an error: readers differ in what they take."""
    values = dict(pairs)
    if len(values) != len(pairs):
        raise ValueError("a name occurs twice")
    return values


def _shapes(raw: dict[str, Any], data_bytes: int, name: str) -> dict[str, tuple[int, ...]]:
    """The shape of each tensor, within the limits, and with exactly as many bytes as it needs."""
    if not 0 < len(raw) <= MAX_TENSORS:
        raise ModelFileError(
            f"{name} holds {len(raw)} tensors; expected 1 to {MAX_TENSORS}. {ADVICE}."
        )
    shapes = {key: _shape(key, entry, name) for key, entry in raw.items()}
    if sum(prod(shape) for shape in shapes.values()) > MAX_PARAMETERS:
        raise ModelFileError(
            f"{name} has more than {MAX_PARAMETERS // 10**6} million parameters. {ADVICE}."
        )
    _check_offsets(raw, shapes, data_bytes, name)
    return shapes


def _check_offsets(
    raw: dict[str, Any], shapes: dict[str, tuple[int, ...]], data_bytes: int, name: str
) -> None:
    """Raise `ModelFileError` unless the tensors lie one behind the other and fill the file."""
    end = 0
    for key in sorted(raw, key=lambda k: raw[k]["data_offsets"]):
        first, last = raw[key]["data_offsets"]
        if first != end or last - first != 4 * prod(shapes[key]):
            raise ModelFileError(
                f"{name} is damaged: the bytes of {key[:80]!r} do not fit its shape. Copy it again."
            )
        end = last
    if end != data_bytes:
        raise ModelFileError(
            f"{name} is cut off or has bytes too many: {data_bytes} of {end} bytes of weights. "
            "Copy it again."
        )


def _shape(key: str, entry: Any, name: str) -> tuple[int, ...]:
    damaged = ModelFileError(
        f"{name} is damaged: its entry for {key[:80]!r} is not a tensor of float32 numbers. "
        "Copy it again."
    )
    if not isinstance(entry, dict) or entry.get("dtype") != "F32":
        raise damaged
    shape: Any = entry.get("shape")
    offsets: Any = entry.get("data_offsets")
    if not _are_sizes(shape, MAX_RANK) or not _are_sizes(offsets, 2) or len(offsets) != 2:
        raise damaged
    return tuple(int(n) for n in shape)


def _are_sizes(values: Any, most: int) -> bool:
    if not isinstance(values, list) or len(values) > most:
        return False
    return all(type(value) is int and 0 <= value <= MAX_FILE_BYTES for value in values)


def _hash(metadata: dict[str, Any], name: str) -> str:
    value = metadata.get(HASH_KEY)
    if not isinstance(value, str) or len(value) != 64 or set(value) - set("0123456789abcdef"):
        raise ModelFileError(f"{name} has no valid weights_sha256. {ADVICE}.")
    return value

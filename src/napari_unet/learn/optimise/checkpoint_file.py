"""The file of a checkpoint: one .safetensors that holds tensors, and plain numbers as JSON.

Nothing in it can run. It is written beside the old one and renamed when it is verified, so that a
crash in the middle of writing loses at most the newest.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import CheckpointError
from napari_unet.files.atomic import write_atomically
from napari_unet.files.names import unusual_kind
from napari_unet.model.formats.safetensors_header import MAX_FILE_BYTES, MAX_HEADER_BYTES
from napari_unet.model.weights import Tensors

KEY = "napari_unet_checkpoint"
FORMAT = 1
# a network, its running mean and two moments of each weight: four times a model's file
MAX_CHECKPOINT_BYTES = 4 * MAX_FILE_BYTES
PATCHES = ("batch", "patch_shape", "patch_px")

Numbers = dict[str, Any]
Hashes = dict[str, str]  # of the data, the network and the settings of a training


def write_checkpoint(path: Path, tensors: Tensors, numbers: Numbers, hashes: Hashes) -> None:
    """Write a checkpoint atomically and verified; raises `OutputError` where it can not be, and the
    old one stays.
    """
    from safetensors.torch import save

    head = {
        "format": FORMAT,
        "prints": hashes,
        "numbers": numbers,
        "tensors": _hash_of_tensors(tensors),
    }
    payload = save(tensors, {KEY: json.dumps(head)})
    write_atomically(
        path,
        lambda temporary: _write_bytes(temporary, payload),
        lambda temporary: read_checkpoint(temporary, hashes),
        needed=len(payload),
    )


def read_checkpoint(path: Path, hashes: Hashes) -> tuple[Tensors, Numbers]:
    """Tensors and numbers of a checkpoint; raises `CheckpointError` with one sentence for anything
    wrong with it, also where it is of a training with other hashes.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = _bytes(path)
    try:
        tensors = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        head = json.loads(header["__metadata__"][KEY])
        whole = head["format"] == FORMAT and head["tensors"] == _hash_of_tensors(tensors)
        numbers = dict(head["numbers"])
        found = dict(head["prints"])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} is not a whole checkpoint of this version. Start the training anew."
        ) from error
    if not whole:
        raise CheckpointError(
            f"{path.name} is damaged or of another version. Start the training anew."
        )
    odd = [name for name, value in hashes.items() if found.get(name) != value]
    if odd:  # the sentence names what differs: data, network or settings
        raise CheckpointError(
            f"{path.name} is of a training with other {' and '.join(odd)}. "
            "Give the same, or start anew."
        )
    return tensors, numbers


def patches_of(path: Path) -> dict[str, Any]:
    """Batch and patch of a checkpoint's training, read from its header alone; nothing where that
    can not be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, MAX_HEADER_BYTES)))
        patches = json.loads(header["__metadata__"][KEY])["numbers"]["patches"]
        return {name: patches[name] for name in PATCHES}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}  # `read_checkpoint` will say what is wrong


def _bytes(path: Path) -> bytes:
    if kind := unusual_kind(path):
        raise CheckpointError(f"{path} is {kind}, not a checkpoint. Start the training anew.")
    try:
        if path.stat().st_size > MAX_CHECKPOINT_BYTES:
            raise CheckpointError(
                f"{path.name} is larger than any checkpoint. Start the training anew."
            )
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"There is no checkpoint at {path} ({error.strerror}). Check the path, or start anew."
        ) from error


def _write_bytes(path: Path, payload: bytes) -> None:
    path.write_bytes(payload)


def _hash_of_tensors(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(f"{key}{tuple(tensors[key].shape)}{tensors[key].dtype}".encode())
        digest.update(np.ascontiguousarray(tensors[key].numpy()).data)
    return digest.hexdigest()

"""Models as .safetensors files, with the spec in their metadata: data, never code."""

import io
from pathlib import Path

from napari_unet.errors import ModelFileError
from napari_unet.files import write_atomically
from napari_unet.model.formats.header import ModelHeader
from napari_unet.model.formats.safetensors_header import (
    HASH_KEY,
    SPEC_KEY,
    parse_header,
    read_header,
)
from napari_unet.model.formats.shapes import tensor_shapes
from napari_unet.model.formats.spec_text import spec_text
from napari_unet.model.model import Model
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import Tensors, tensors_of, weights_sha256


def write(model: Model, path: Path) -> None:
    """Write a model file, atomically and verified.

    Raises `OutputError` where it can not be written (the old file stays), `ModelFileError` for
    weights that are not finite.
    """
    payload = model_bytes(model, path.name)
    write_atomically(path, lambda temporary: _write_bytes(temporary, payload), verify=_verify)


def model_bytes(model: Model, name: str) -> bytes:
    """What the file of a model holds; raises `ModelFileError`, which calls it by that name, for
    weights that are not finite.
    """
    from safetensors.torch import save

    tensors = tensors_of(model.network)
    _check_finite(tensors, name)
    metadata = {
        SPEC_KEY: spec_text(model.spec),
        HASH_KEY: weights_sha256(model.spec.architecture, tensors),
    }
    payload: bytes = save(tensors, metadata)
    return payload


def read(path: Path) -> Model:
    """Read a model file; raises `ModelFileError` with one sentence for anything wrong with it."""
    read_header(path)  # before the whole of a file is read that is too large or no model
    return load_model_bytes(path.read_bytes(), path.name)


def load_model_bytes(data: bytes, name: str) -> Model:
    """The model whose file holds these bytes; raises `ModelFileError`, which calls it by that name,
    for anything wrong with them.
    """
    from safetensors.torch import load

    header = parse_header(io.BytesIO(data), len(data), name)
    network = _fitting_network(header, name)
    tensors = load(data)
    _check_finite(tensors, name)
    if weights_sha256(header.spec.architecture, tensors) != header.weights_sha256:
        raise ModelFileError(
            f"{name} is damaged: its weights do not match its own hash. Copy it again."
        )
    network.load_state_dict(tensors)
    return Model(header.spec, network.eval(), header.weights_sha256, header.notes)


def _fitting_network(header: ModelHeader, name: str) -> UNet:
    """Build the network only when its shapes are known to be those of the file."""
    shapes = tensor_shapes(header.spec.architecture)
    if shapes != header.shapes:
        odd = sorted(
            key
            for key in shapes.keys() | header.shapes.keys()
            if shapes.get(key) != header.shapes.get(key)
        )
        raise ModelFileError(
            f"{name} does not hold the network it describes: {odd[0][:80]!r} is {header.shapes.get(odd[0], 'missing')}, "
            f"expected {shapes.get(odd[0], 'nothing')}. Copy it again."
        )
    return UNet(header.spec.architecture)


def _check_finite(tensors: Tensors, name: str) -> None:
    bad = sum(int((~torch.isfinite(value)).sum()) for value in tensors.values())
    if bad:
        raise ModelFileError(
            f"{name}: {bad} of its weights are not finite (NaN or Inf). Train it again from an earlier model."
        )
    if any((value < 0).any() for key, value in tensors.items() if key.endswith("running_var")):
        raise ModelFileError(
            f"{name}: it holds negative variances. Train it again from an earlier model."
        )


def _write_bytes(path: Path, payload: bytes) -> None:
    path.write_bytes(payload)


def _verify(path: Path) -> None:
    read(path)

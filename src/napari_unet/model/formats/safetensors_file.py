"""Models as .safetensors files, with the spec in their metadata. They are data, never code."""

import io
from pathlib import Path

from napari_unet.errors import ModelFileError
from napari_unet.files.atomic import write_atomically
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
    write_atomically(
        path,
        lambda temporary: _write_bytes(temporary, payload),
        verify=_verify,
        needed=len(payload),
    )


def model_bytes(model: Model, name: str) -> bytes:
    """The content of a model's file; raises `ModelFileError`, which mentions that name, for weights
    that are not finite.
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
    """Read a model file; raises `ModelFileError` with a sentence for anything that is wrong."""
    read_header(path)  # before the whole of a file is read that is too large or no model
    return load_model_bytes(path.read_bytes(), path.name)


def load_model_bytes(data: bytes, name: str) -> Model:
    """The model in the content of a file; raises `ModelFileError`, which mentions that name, for
    anything that is wrong with it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    header = parse_header(io.BytesIO(data), len(data), name)
    network = _fitting_network(header, name)
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise ModelFileError(f"{name} is damaged: {error}. Copy it again.") from error
    _check_finite(tensors, name)
    if weights_sha256(header.spec.architecture, tensors) != header.weights_sha256:
        raise ModelFileError(
            f"{name} is damaged: its weights do not match its own hash. Copy it again."
        )
    network.load_state_dict(tensors)
    return Model(header.spec, network.eval(), header.weights_sha256, header.notes)


def _fitting_network(header: ModelHeader, name: str) -> UNet:
    """The network of the spec, still with random weights. Its shapes are compared with those in
    the file first, so that no small file can make a network that does not fit the memory.
    """
    wanted = tensor_shapes(header.spec.architecture)
    found = header.shapes
    if wanted != found:
        keys = wanted.keys() | found.keys()
        first = min(key for key in keys if wanted.get(key) != found.get(key))
        raise ModelFileError(
            f"{name} does not hold the network it describes: {first[:80]!r} is "
            f"{found.get(first, 'missing')}, expected {wanted.get(first, 'nothing')}. "
            "Copy it again."
        )
    return UNet(header.spec.architecture)


def _check_finite(tensors: Tensors, name: str) -> None:
    bad = sum(int((~torch.isfinite(value)).sum()) for value in tensors.values())
    if bad:
        raise ModelFileError(
            f"{name}: {bad} of its weights are not finite (NaN or Inf). Train it again from an "
            "earlier model."
        )
    if any((value < 0).any() for key, value in tensors.items() if key.endswith("running_var")):
        raise ModelFileError(
            f"{name}: it holds negative variances. Train it again from an earlier model."
        )


def _write_bytes(path: Path, payload: bytes) -> None:
    path.write_bytes(payload)


def _verify(path: Path) -> None:
    read(path)

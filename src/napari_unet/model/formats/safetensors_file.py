"""Model files: one .safetensors with the spec in its metadata. Data, never code."""

import hashlib
import io
from pathlib import Path

import numpy as np

from napari_unet.errors import ModelFileError
from napari_unet.files import write_atomically
from napari_unet.model.config import UNetConfig
from napari_unet.model.formats.safetensors_header import (
    HASH_KEY,
    SPEC_KEY,
    SUFFIX,
    ModelHeader,
    parse_header,
    read_header,
)
from napari_unet.model.formats.shapes import tensor_shapes
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet

__all__ = [
    "build_model",
    "load_model_bytes",
    "load_model_file",
    "model_bytes",
    "read_header",
    "save_model",
    "weights_sha256",
]

Tensors = dict[str, torch.Tensor]


def build_model(spec: ModelSpec, network: UNet) -> Model:
    """A `Model` of a network that was just made or trained; it is put into evaluation mode."""
    network.eval()
    return Model(spec, network, weights_sha256(spec.architecture, tensors_of(network)))


def tensors_of(network: UNet) -> Tensors:
    """The network's weights and statistics as float32 on the CPU; step counters are left out."""
    return {
        key: value.detach().to("cpu", torch.float32).contiguous()
        for key, value in network.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }


def weights_sha256(architecture: UNetConfig, tensors: Tensors) -> str:
    """A model's identity: SHA-256 over the architecture and the tensors in name order."""
    digest = hashlib.sha256(architecture.identity.encode())
    for key in sorted(tensors):
        digest.update(f"{key}{tuple(tensors[key].shape)}".encode())
        digest.update(np.ascontiguousarray(tensors[key].numpy(), "<f4").tobytes())
    return digest.hexdigest()


def save_model(model: Model, path: Path | str) -> Path:
    """Write a model as one .safetensors file, atomically and verified; returns the path.

    Raises `OutputError` where it can not be written (the old file stays), `ModelFileError` for
    weights that are not finite.
    """
    path = Path(path)
    path = path if path.suffix == SUFFIX else path.with_name(path.name + SUFFIX)
    payload = model_bytes(model, path.name)
    write_atomically(path, lambda temporary: _write_bytes(temporary, payload), verify=_verify)
    return path


def model_bytes(model: Model, name: str) -> bytes:
    """What the file of a model holds; raises `ModelFileError`, which calls it by that name, for
    weights that are not finite.
    """
    from safetensors.torch import save

    tensors = tensors_of(model.network)
    _check_finite(tensors, name)
    metadata = {
        SPEC_KEY: model.spec.model_dump_json(),
        HASH_KEY: weights_sha256(model.spec.architecture, tensors),
    }
    payload: bytes = save(tensors, metadata)
    return payload


def load_model_file(path: Path | str) -> Model:
    """Read a model file; raises `ModelFileError` with one sentence for anything wrong with it."""
    path = Path(path)
    read_header(path)
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
    return Model(header.spec, network.eval(), header.weights_sha256)


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
    load_model_file(path)

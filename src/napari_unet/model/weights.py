"""A network's weights as tensors, and their hash, which is a model's identity."""

import hashlib

import numpy as np

from napari_unet.model.config import UNetConfig
from napari_unet.model.model import Model
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet

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
    """A model's identity: SHA-256 over the architecture and the tensors in the order of their
    names.
    """
    digest = hashlib.sha256(architecture.identity.encode())
    for key in sorted(tensors):
        digest.update(f"{key}{tuple(tensors[key].shape)}".encode())
        digest.update(np.ascontiguousarray(tensors[key].numpy(), "<f4").tobytes())
    return digest.hexdigest()

"""Where a batch of tiles is run: one small protocol, and torch behind it."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from napari_unet.devices import choose
from napari_unet.model.torch_import import find_devices, torch
from napari_unet.model.unet import ConvNorm, UNet
from napari_unet.progress import Asked, go, heed
from napari_unet.segment.cpu_fusion import FusedUNet, can_fuse

nn = torch.nn


class Engine(Protocol):
    """Runs a network on windows of one shape."""

    name: str

    def run(self, window: np.ndarray, asked: Asked = go) -> np.ndarray:
        """Probabilities (K, *window) of a normalised (C, *window); asked at every block of the network."""


class TorchEngine:
    """A network on one torch device, with BatchNorm folded into the convolutions and channels last."""

    def __init__(self, network: UNet, device: str = "cpu") -> None:
        self.name = engine_name(device)
        self._device = device
        self._layout = torch.channels_last if network.config.dimensions == 2 else torch.channels_last_3d
        self._asked: Asked = go
        self._forward = self._prepared(folded(network).to(device).to(memory_format=self._layout))  # type: ignore[call-overload]

    def run(self, window: np.ndarray, asked: Asked = go) -> np.ndarray:
        """Probabilities (K, *window) float32 of a normalised (C, *window); raises `Stopped` or `Cancelled`."""
        self._asked = asked
        with torch.inference_mode(), _exact_cudnn():
            batch = torch.from_numpy(window)[None].to(self._device).contiguous(memory_format=self._layout)
            scores = self._forward(batch)
            one = scores.shape[1] == 1
            probabilities = torch.sigmoid_(scores) if one else scores.softmax(dim=1)
            return probabilities[0].contiguous().cpu().numpy()

    def _prepared(self, network: UNet) -> Callable[[torch.Tensor], torch.Tensor]:
        """The fastest form of a folded network on this device, which asks before each convolution."""
        if self._device == "cpu" and can_fuse(network):
            return FusedUNet(network, self._heed)
        for block in network.modules():
            if isinstance(block, ConvNorm):
                block.register_forward_pre_hook(lambda *_: self._heed())
        return network

    def _heed(self) -> None:
        heed(self._asked)


def _exact_cudnn() -> AbstractContextManager[None]:
    """cuDNN as it is set, except that float32 means float32 on a GPU too; what is not named here would be switched off."""
    cudnn = torch.backends.cudnn
    return cudnn.flags(enabled=cudnn.enabled, benchmark=cudnn.benchmark, deterministic=cudnn.deterministic, allow_tf32=False)


def choose_device(wanted: str) -> str:
    """The name of the device that a setting means on this machine; raises `DeviceError` where it can not be had."""
    return choose(wanted, find_devices()).name


def engine_name(device: str) -> str:
    """How the torch engine on a device is called in a result's record."""
    return f"torch {torch.__version__} on {device}"


def folded(network: UNet) -> UNet:
    """A copy in evaluation mode whose BatchNorm layers are part of the convolutions before them."""
    copied = copy.deepcopy(network).eval()
    for part in copied.modules():
        if isinstance(part, ConvNorm) and isinstance(part.norm, (nn.BatchNorm2d, nn.BatchNorm3d)):
            part.conv = nn.utils.fusion.fuse_conv_bn_eval(part.conv, part.norm)
            part.norm = nn.Identity()
    return copied

"""A network run by torch, on any of its devices."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager

import numpy as np

from napari_unet.model.torch_import import torch
from napari_unet.model.unet import ConvNorm, UNet
from napari_unet.progress import Asked, go, heed
from napari_unet.segment.engine.cpu_fusion import FusedUNet, can_fuse
from napari_unet.segment.installed import Kind, torch_on

nn = torch.nn


class TorchEngine:
    """A network on one torch device, with BatchNorm folded into the convolutions and channels last."""

    def __init__(self, network: UNet, device: str = "cpu", note: str = "") -> None:
        self.kind: Kind = torch_on(device)
        self.name, self.note = f"torch {torch.__version__} on {device}", note
        self.device = device
        self._layout = torch.channels_last if network.config.dimensions == 2 else torch.channels_last_3d
        self._asked: Asked = go
        self._forward = self._prepared(folded(network).to(device).to(memory_format=self._layout))  # type: ignore[call-overload]

    def run(self, window: np.ndarray, asked: Asked = go) -> np.ndarray:
        """Probabilities (K, *window) float32 of a normalised (C, *window); raises `Stopped` or `Cancelled`."""
        self._asked = asked
        with torch.inference_mode(), _exact_cudnn():
            batch = torch.from_numpy(window)[None].to(self.device).contiguous(memory_format=self._layout)
            scores = self._forward(batch)
            one = scores.shape[1] == 1
            probabilities = torch.sigmoid_(scores) if one else scores.softmax(dim=1)
            return probabilities[0].contiguous().cpu().numpy()

    def give_way(self) -> bool:
        """There is no other engine."""
        return False

    def _prepared(self, network: UNet) -> Callable[[torch.Tensor], torch.Tensor]:
        """The fastest form of a folded network on this device, which asks before each convolution."""
        if self.device == "cpu" and can_fuse(network):
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


def folded(network: UNet) -> UNet:
    """A copy in evaluation mode whose BatchNorm layers are part of the convolutions before them."""
    copied = copy.deepcopy(network).eval()
    for part in copied.modules():
        if isinstance(part, ConvNorm) and isinstance(part.norm, (nn.BatchNorm2d, nn.BatchNorm3d)):
            part.conv = nn.utils.fusion.fuse_conv_bn_eval(part.conv, part.norm)
            part.norm = nn.Identity()
    return copied

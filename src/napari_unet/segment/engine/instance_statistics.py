"""InstanceNorm with fixed statistics of the frame, taken once from a sample of it and stored as
BatchNorm stores its own.

If each tile were normalised by itself, tiles would show at their edges. With fixed statistics the
network consists of convolutions alone: tiles are exact, and it is folded and fused like any other.
"""

import copy
from typing import Any

from napari_unet.model.torch_import import torch
from napari_unet.model.unet import ConvNorm, UNet
from napari_unet.progress import GetControl, always_continue, heed

nn = torch.nn
BATCH_NORMS: dict[type, Any] = {
    nn.InstanceNorm2d: nn.BatchNorm2d,
    nn.InstanceNorm3d: nn.BatchNorm3d,
}


def with_fixed_statistics(
    network: UNet, windows: torch.Tensor, control: GetControl = always_continue
) -> UNet:
    """A copy, on the device of the windows, whose InstanceNorm layers have the statistics of all
    windows (N, C, *window) together.

    `control` is read before each layer; raises `Stopped` or `Cancelled`.
    """
    copied = copy.deepcopy(network).to(windows.device).eval()
    norms = [
        _as_batch_norm(part, control)
        for part in copied.modules()
        if isinstance(part, ConvNorm) and type(part.norm) in BATCH_NORMS
    ]
    with torch.inference_mode():
        copied(windows)
    for norm, hooks in norms:
        norm.eval()
        for hook in hooks:
            hook.remove()
    return copied


def _as_batch_norm(part: ConvNorm, control: GetControl) -> tuple[Any, tuple[Any, Any]]:
    """Replace an InstanceNorm by a BatchNorm that takes its statistics from the next forward pass;
    the hooks are to be removed after that.
    """
    old: Any = part.norm
    norm = BATCH_NORMS[type(old)](old.num_features, eps=old.eps, momentum=1.0)
    norm.weight = old.weight
    norm.bias = old.bias
    part.norm = norm.to(old.weight.device).train()

    def as_of_all(_: object, given: tuple[torch.Tensor, ...], __: object) -> None:
        # BatchNorm stores the variance of a sample (n - 1), InstanceNorm divides by that of all (n)
        count = given[0].numel() / given[0].shape[1]
        norm.running_var *= (count - 1) / count

    return norm, (
        norm.register_forward_hook(as_of_all),
        part.register_forward_pre_hook(lambda *_: heed(control)),
    )

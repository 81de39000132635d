"""A network run by torch, on any of its devices."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import cache

from napari_unet.model.head import head_of
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import ConvNorm, UNet
from napari_unet.progress import GetControl, always_continue, heed
from napari_unet.segment.engine.auto.runners import PLAIN
from napari_unet.segment.engine.fusion import (
    Convolution,
    CudnnConv,
    FusedUNet,
    MkldnnConv,
    can_fuse,
    folded,
    works,
)
from napari_unet.segment.engine.half import even_channels, half_on, with_even_inputs
from napari_unet.segment.engine.instance_statistics import with_fixed_statistics
from napari_unet.segment.engine.kinds import (
    NO_HALF,
    PROCESSOR,
    Kind,
    Precision,
    in_precision,
    torch_on,
)
from napari_unet.segment.engine.out_of_memory import memory_errors_explained

nn = torch.nn
Forward = Callable[[torch.Tensor], torch.Tensor]


class TorchEngine:
    """A network on one torch device, with BatchNorm folded into the convolutions, in the memory
    layout that is fastest there.

    Half precision is used where the device computes it fast; else float32 runs, and the note says
    so.
    """

    reason = ""  # what chose it says so
    threads = None
    preparing_s = 0.0

    def __init__(
        self,
        network: UNet,
        device: str = PROCESSOR,
        note: str = "",
        precision: Precision = "float32",
        fused: bool = True,
    ) -> None:
        """Where it is not `fused`, the network's own operators run, which take more memory."""
        half = half_on(device) if precision == "half" else None
        self.kind: Kind = in_precision(torch_on(device), "float32" if half is None else "half")
        numbers = "" if half is None else f" in {_name(half)}"
        plain = "" if fused else f" {PLAIN}"
        self.name = f"torch {torch.__version__} on {device}{numbers}{plain}"
        self._fused = fused
        self.note = f"{note} {NO_HALF if half is None and precision == 'half' else ''}".strip()
        self.device = device
        self._numbers = half or torch.float32
        self._layout = self._fastest_layout(network.config.dimensions)
        self._control: GetControl = always_continue
        self._network = network
        self._head = head_of(network.config)
        self._fixed_by: torch.Tensor | None = None
        with memory_errors_explained(device):
            self._forward = self._prepared(network)

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32 of a normalised (C, *window); raises `Stopped` or
        `Cancelled`.
        """
        self._control = control
        with memory_errors_explained(self.device), torch.inference_mode(), _exact_cudnn():
            batch = window[None].to(self.device, self._numbers)
            batch = even_channels(batch) if self._numbers == torch.bfloat16 else batch
            batch = batch.contiguous(memory_format=self._layout)
            scores = self._forward(batch)[0].float()
            return self._head.probabilities(scores, axis=0)

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Statistics for a network that normalises by instance."""
        if self._fixed_by is not None and torch.equal(self._fixed_by, windows):
            return
        with memory_errors_explained(self.device), _exact_cudnn():
            self._forward = self._prepared(
                with_fixed_statistics(self._network, windows.to(self.device), control)
            )
        self._fixed_by = windows

    def fall_back(self) -> bool:
        """There is no other engine."""
        return False

    def _fastest_layout(self, dimensions: int) -> torch.memory_format:
        """Channels last on the processor, and on a card in half precision. On an H100 in float32,
        channels first was a quarter faster in 2D and twice as fast in 3D.
        """
        on_card = self.device.startswith("cuda")
        if self.device != PROCESSOR and not (on_card and self._numbers != torch.float32):
            return torch.contiguous_format
        return torch.channels_last if dimensions == 2 else torch.channels_last_3d

    def _prepared(self, network: UNet) -> Forward:
        """The fastest form of a network on this device, which reads `control` before each
        convolution.
        """
        network = folded(network)
        network = with_even_inputs(network) if self._numbers == torch.bfloat16 else network
        network = network.to(self.device, self._numbers)
        network = network.to(memory_format=self._layout)  # type: ignore[call-overload]
        if (
            self._fused
            and can_fuse(network)
            and (convolution := _convolution(self.device, self._numbers, network.config.dimensions))
        ):
            return FusedUNet(network, convolution, self._heed)
        for block in network.modules():
            if isinstance(block, ConvNorm):
                block.register_forward_pre_hook(lambda *_: self._heed())
        return network

    def _heed(self) -> None:
        heed(self._control)


@cache
def _convolution(device: str, numbers: torch.dtype, dimensions: int) -> type[Convolution] | None:
    """The library whose fused convolutions are fastest on a device, if they work in this build of
    torch; tried once.
    """
    if device == PROCESSOR:
        candidate: type[Convolution] = MkldnnConv
    elif device.startswith("cuda") and torch.version.hip is None:
        candidate = CudnnConv
    else:
        return None
    with _exact_cudnn():
        like = torch.empty(0, dtype=numbers, device=device)
        return candidate if works(candidate, dimensions, like) else None


def _exact_cudnn() -> AbstractContextManager[None]:
    """cuDNN as it is set, except that float32 means float32 (TF32 has ten bits instead of 23). All
    flags are named, since `flags` switches off those that are not.
    """
    cudnn = torch.backends.cudnn
    return cudnn.flags(
        enabled=cudnn.enabled,
        benchmark=cudnn.benchmark,
        deterministic=cudnn.deterministic,
        allow_tf32=False,
    )


def _name(numbers: torch.dtype) -> str:
    return str(numbers).removeprefix("torch.")

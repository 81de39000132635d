"""Moving arrays to a device and back. With an NVIDIA card that happens while the card computes."""

import numpy as np

from napari_unet.model.torch_import import torch

Tensor = torch.Tensor


def to_device(values: np.ndarray, device: str) -> Tensor:
    """A copy of an array on a device.

    A card takes it from page-locked memory when it comes to it; the caller need not wait.
    """
    tensor = torch.from_numpy(np.require(values, requirements=["C", "W"]))
    if device.startswith("cuda"):
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


class FromDevice:
    """Values on their way from a device to an array."""

    def __init__(self, values: Tensor) -> None:
        self._copied: torch.cuda.Event | None = None
        if not values.is_cuda:
            self._values = values.contiguous().cpu()
            return
        # page-locked: to other memory, a card copies at a thirtieth of the speed
        locked = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
        self._values = locked.copy_(values, non_blocking=True)
        self._copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
        self._copied.record(torch.cuda.current_stream(values.device))

    @property
    def arrived(self) -> bool:
        """Whether the values are surely there, so that `wait` returns at once."""
        return self._copied is None

    def wait(self) -> np.ndarray:
        """The values, as soon as they are there."""
        if self._copied is not None:
            self._copied.synchronize()
        return self._values.numpy()

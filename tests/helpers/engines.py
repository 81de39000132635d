"""Runs engines on numpy arrays."""

import numpy as np

from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.protocol import Engine


def on(engine: Engine, window: np.ndarray, control: GetControl = always_continue) -> np.ndarray:
    """Probabilities (K, *window) of a window (C, *window)."""
    return engine.run(torch.from_numpy(window), control).cpu().numpy()

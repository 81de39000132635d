"""Random fields and camera noise, which make a drawn image look like a micrograph."""

import numpy as np
from scipy import ndimage


def smooth_field(
    shape: tuple[int, ...], scale: tuple[float, ...], rng: np.random.Generator
) -> np.ndarray:
    """A random field with mean 0 and deviation 1 (float32) whose waves are about `scale` long."""
    step = tuple(max(1, int(s / 2)) for s in scale)
    coarse_shape = tuple(-(-n // k) + 2 for n, k in zip(shape, step, strict=True))
    coarse = ndimage.gaussian_filter(
        rng.standard_normal(coarse_shape, np.float32),
        [s / k for s, k in zip(scale, step, strict=True)],
    )
    field: np.ndarray = (coarse - coarse.mean()) / coarse.std()
    for axis, (n, k) in enumerate(zip(shape, step, strict=True)):
        field = _stretch(field, axis, n, k)
    return field


def camera(
    signal: np.ndarray, photons: float, read_noise: float, rng: np.random.Generator
) -> np.ndarray:
    """The signal with shot noise (`photons` per unit) and the camera's read noise, as uint8."""
    deviation = np.sqrt(signal / np.float32(photons) + np.float32(read_noise) ** 2)
    noisy = signal + deviation * rng.standard_normal(signal.shape, np.float32)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def _stretch(field: np.ndarray, axis: int, length: int, step: int) -> np.ndarray:
    """Linear interpolation along one axis: `step` voxels for each of the field's."""
    if step == 1:
        return field.take(np.arange(length), axis)
    at = np.arange(length, dtype=np.float32) / step
    low = at.astype(np.intp)
    share = (at - low).reshape([-1 if i == axis else 1 for i in range(field.ndim)])
    below = np.take(field, low, axis)
    above = np.take(field, low + 1, axis)
    stretched: np.ndarray = below + (above - below) * share
    return stretched

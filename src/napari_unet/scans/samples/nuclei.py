"""Drawn fluorescent nuclei: blurred ellipses of many sizes and brightnesses, some of them touching,
on a dark uneven background.
"""

from dataclasses import dataclass, replace

import numpy as np
from scipy import ndimage

from napari_unet.scans.samples.noise import camera, smooth_field

RADIUS_UM = (3.0, 9.0)
BACKGROUND = 9.0
PHOTONS = 4.0
READ_NOISE = 1.2
CLOSEST = 0.92  # distance of two centres, as a share of the sum of their radii
WOBBLE = 0.10  # how far outlines differ from ellipses, as a share of the radius
TRIES = 400  # positions for each nucleus


@dataclass(frozen=True)
class Drawing:
    """The image to draw: its shape, its voxel size, and for how many nuclei room is sought."""

    shape: tuple[int, ...]
    spacing_um: tuple[float, ...]
    count: int


@dataclass(frozen=True)
class Nuclei:
    """Position, shape and brightness of nuclei, one row for each."""

    centres_um: np.ndarray
    radii_um: np.ndarray
    angles: np.ndarray
    brightness: np.ndarray


def draw_nuclei(drawing: Drawing, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image of nuclei (uint8) and its true labels: 1 in a nucleus, 0 elsewhere."""
    nuclei = _scatter(drawing, rng)
    texture = _Texture.of(drawing, rng)
    return _expose(drawing, nuclei, texture, rng)


def draw_timelapse(
    drawing: Drawing, times: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Images and true labels of nuclei that move, turn and fade, with the time axis first."""
    nuclei = _scatter(drawing, rng)
    texture = _Texture.of(drawing, rng)
    frames = []
    for _ in range(times):
        frames.append(_expose(drawing, nuclei, texture, rng))
        nuclei = _moved(nuclei, rng)
    images, truths = zip(*frames, strict=True)
    return np.stack(images), np.stack(truths)


def _scatter(drawing: Drawing, rng: np.random.Generator) -> Nuclei:
    """Nuclei at random positions, the largest placed first, none deep inside another; many in
    clusters.
    """
    size_um = np.array(drawing.shape) * drawing.spacing_um
    low, high = RADIUS_UM
    mean_radii = np.sort(low + (high - low) * rng.beta(1.8, 2.4, drawing.count))[::-1]
    centres = np.empty((0, len(size_um)))
    radii: list[float] = []
    for radius in mean_radii:
        points = _candidates(size_um, centres, rng)
        distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
        apart = distances > CLOSEST * (radius + np.array(radii))
        free = points[apart.all(axis=1)]
        if len(free):
            centres = np.vstack([centres, free[:1]])
            radii = [*radii, float(radius)]
    return _shaped(centres, np.array(radii), rng)


def _candidates(size_um: np.ndarray, centres: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Positions to try: half of the time first beside other nuclei, so that clusters form."""
    anywhere = rng.uniform(0, size_um, (TRIES, len(size_um)))
    if len(centres) == 0 or rng.random() < 0.5:
        return anywhere
    beside = centres[rng.integers(len(centres), size=TRIES)] + rng.normal(
        0, RADIUS_UM[1] * 1.6, anywhere.shape
    )
    return np.vstack([beside[((beside > 0) & (beside < size_um)).all(axis=1)], anywhere])


def _shaped(centres: np.ndarray, radii: np.ndarray, rng: np.random.Generator) -> Nuclei:
    """Random shapes, directions and brightnesses; small nuclei are brighter, as dense ones are."""
    count, ndim = centres.shape
    stretch = np.exp(rng.normal(0, 0.14, (count, ndim)))
    stretch /= stretch.prod(axis=1, keepdims=True) ** (1 / ndim)
    brightness = 70 * np.exp(rng.normal(0, 0.4, count)) * (radii.mean() / radii) ** 0.5
    angles = rng.uniform(0, np.pi, (count,))
    return Nuclei(centres, radii[:, None] * stretch, angles, np.clip(brightness, 30, 190))


def _moved(nuclei: Nuclei, rng: np.random.Generator) -> Nuclei:
    steps = rng.normal(0, 1.0, nuclei.centres_um.shape)
    turns = rng.normal(0, 0.08, nuclei.angles.shape)
    return replace(
        nuclei,
        centres_um=nuclei.centres_um + steps,
        angles=nuclei.angles + turns,
        brightness=nuclei.brightness * 0.96,
    )


@dataclass(frozen=True)
class _Texture:
    """Random fields over the image: bumps of outlines, chromatin, and the uneven background."""

    wobble: np.ndarray
    chromatin: np.ndarray
    haze: np.ndarray

    @classmethod
    def of(cls, drawing: Drawing, rng: np.random.Generator) -> "_Texture":
        def field(scale_um: float) -> np.ndarray:
            return smooth_field(drawing.shape, tuple(scale_um / s for s in drawing.spacing_um), rng)

        return cls(field(3.0), field(0.9), field(40.0))


def _expose(
    drawing: Drawing, nuclei: Nuclei, texture: _Texture, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    stain, truth = _paint(drawing, nuclei, texture)
    focus = [
        0.55 / s if len(drawing.shape) == 2 or axis else 0.9 / s
        for axis, s in enumerate(drawing.spacing_um)
    ]
    sharp = ndimage.gaussian_filter(stain, focus, truncate=3)
    glow = ndimage.uniform_filter(sharp, [max(1, round(14 / s)) for s in drawing.spacing_um])
    ground = BACKGROUND * (1 + 0.25 * texture.haze) + 0.16 * glow
    return camera(np.maximum(sharp + ground, 0), PHOTONS, READ_NOISE, rng), truth


def _paint(drawing: Drawing, nuclei: Nuclei, texture: _Texture) -> tuple[np.ndarray, np.ndarray]:
    """The stain as it is before the microscope blurs it, and the true labels."""
    stain = np.zeros(drawing.shape, np.float32)
    truth = np.zeros(drawing.shape, np.uint8)
    bumps = WOBBLE * texture.wobble
    grain = 1 + 0.16 * texture.chromatin
    for row in range(len(nuclei.centres_um)):
        box = _box(drawing, nuclei, row)
        distance = _distance(drawing, nuclei, row, box) + bumps[box]
        inside = distance < 1
        light = nuclei.brightness[row] * grain[box] * np.sqrt(np.clip(1.25 - distance**2, 0, 1))
        np.maximum(stain[box], np.where(inside, light, 0), out=stain[box])
        truth[box] |= inside
    return stain, truth


def _box(drawing: Drawing, nuclei: Nuclei, row: int) -> tuple[slice, ...]:
    reach = nuclei.radii_um[row].max() * (1 + 4 * WOBBLE)
    spans = zip(nuclei.centres_um[row], drawing.spacing_um, drawing.shape, strict=True)
    return tuple(
        slice(max(0, int((c - reach) / s)), min(n, max(0, int((c + reach) / s) + 2)))
        for c, s, n in spans
    )


def _distance(drawing: Drawing, nuclei: Nuclei, row: int, box: tuple[slice, ...]) -> np.ndarray:
    """Distance from the centre as a share of the radius in that direction, in one box."""
    axes = [
        np.arange(part.start, part.stop, dtype=np.float32) * np.float32(s)
        for part, s in zip(box, drawing.spacing_um, strict=True)
    ]
    offsets = [axis - np.float32(c) for axis, c in zip(axes, nuclei.centres_um[row], strict=True)]
    *depth, y, x = np.meshgrid(*offsets, indexing="ij", sparse=True)
    cos = np.float32(np.cos(nuclei.angles[row]))
    sin = np.float32(np.sin(nuclei.angles[row]))
    turned = [*depth, y * cos - x * sin, y * sin + x * cos]
    distance: np.ndarray = np.sqrt(
        sum(
            (part / np.float32(r)) ** 2
            for part, r in zip(turned, nuclei.radii_um[row], strict=True)
        )
    )
    return distance

"""Drawn nerve fibres in cross-section: bright myelin rings around dark axons, as an electron
microscope shows them.
"""

import numpy as np
from scipy import ndimage

from napari_unet.scans.samples.noise import camera, smooth_field

FIBRES = 520  # that are tried; those that find no room are left out
RADIUS_PX = (5.5, 34.0)
TRIES = 60  # positions for each fibre
GAP_PX = 1.5  # between fibres
BEND_PX = 5.0  # how far outlines differ from circles
AXON = 1
MYELIN = 2
GREY = 60.0
DARK = 44.0
BRIGHT = 132.0


def draw_axons(shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """An image of fibres (uint8), and its truth: 0 background, 1 axon, 2 myelin."""
    centres, radii = _pack(shape, rng)
    truth, tone = _paint(shape, centres, radii, rng)
    light = 1 + 0.10 * smooth_field(shape, (90.0, 90.0), rng)
    sharp = ndimage.gaussian_filter(tone, 0.9) * light
    return camera(np.maximum(sharp, 2), 1.4, 4.0, rng), truth


def _pack(shape: tuple[int, int], rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Centres and radii of circles that do not overlap, largest first; some cross the border."""
    low, high = RADIUS_PX
    wanted = np.sort(np.clip(np.exp(rng.normal(np.log(10.5), 0.5, FIBRES)), low, high))[::-1]
    centres = np.empty((FIBRES, 2))
    radii = np.empty(FIBRES)
    count = 0
    for radius in wanted:
        points = rng.uniform(-0.5 * high, np.array(shape) + 0.5 * high, (TRIES, 2))
        apart = np.linalg.norm(points[:, None] - centres[None, :count], axis=2) - radii[:count]
        free = np.flatnonzero((apart > radius + GAP_PX).all(axis=1))
        if len(free):
            centres[count] = points[free[0]]
            radii[count] = radius
            count += 1
    return centres[:count], radii[:count]


def _paint(
    shape: tuple[int, int], centres: np.ndarray, radii: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """The class and the grey tone of every pixel. Distances are taken on a bent grid, so that the
    circles become fibres.
    """
    truth = np.zeros(shape, np.uint8)
    tone = _ground(shape, rng)
    bend = [
        BEND_PX * smooth_field(shape, (22.0, 22.0), rng)
        + 1.2 * smooth_field(shape, (7.0, 7.0), rng)
        for _ in shape
    ]
    dents = smooth_field(shape, (9.0, 9.0), rng)
    fine = smooth_field(shape, (1.2, 1.2), rng)
    for centre, radius in zip(centres, radii, strict=True):
        box = _box(shape, centre, radius)
        rows, columns = np.ogrid[box]
        distance = np.hypot(rows + bend[0][box] - centre[0], columns + bend[1][box] - centre[1])
        sheath = np.clip(radius * rng.uniform(0.26, 0.42), 2.5, 12)
        ring = distance < radius
        core = ring & (distance < radius - sheath + 0.6 * dents[box])
        truth[box][ring] = MYELIN
        truth[box][core] = AXON
        myelin = BRIGHT * rng.normal(1, 0.07)
        axon = DARK * np.exp(rng.normal(0, 0.25))
        tone[box][ring] = (myelin * (1 + 0.10 * fine[box]))[ring]
        tone[box][core] = (axon * (1 + 0.14 * fine[box] + 0.08 * dents[box]))[core]
    return truth, tone


def _box(shape: tuple[int, int], centre: np.ndarray, radius: float) -> tuple[slice, ...]:
    reach = radius + 4 * BEND_PX
    return tuple(
        slice(max(0, int(c - reach)), max(0, min(n, int(c + reach))))
        for c, n in zip(centre, shape, strict=True)
    )


def _ground(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """What lies between the fibres: grey matter of fine processes, with paler membranes."""
    coarse = smooth_field(shape, (16.0, 16.0), rng)
    fine = smooth_field(shape, (2.2, 2.2), rng)
    return np.clip(GREY * (1 + 0.18 * coarse + 0.30 * fine), 5, None).astype(np.float32)

"""What follows from a network's shape alone: strides, padding, receptive field and halo. No torch.

The halo is the context around a tile that makes its core exactly right: Majurski & Bajcsy,
J. Res. NIST 126 (2021) 126009.
"""

from math import prod

from napari_unet.model.config import UNetConfig

BLOCK_REACH = 2  # two 3x3 convolutions


def total_strides(config: UNetConfig) -> tuple[int, ...]:
    """How many voxels of each axis become one at the deepest level."""
    return tuple(
        prod(level[axis] for level in config.level_strides) for axis in range(config.dimensions)
    )


def exact_halo(config: UNetConfig) -> tuple[int, ...]:
    """Context in voxels, per axis, that a core aligned to `total_strides` needs; itself so aligned."""
    strides = total_strides(config)
    return tuple(
        round_up(-_first_needed(config, axis, 0), strides[axis])
        for axis in range(config.dimensions)
    )


def receptive_field(config: UNetConfig) -> tuple[tuple[int, int], ...]:
    """The furthest voxels before and after an output voxel that can change it, per axis, over all
    positions.
    """
    fields = []
    for axis, stride in enumerate(total_strides(config)):
        before = max(at - _first_needed(config, axis, at) for at in range(stride))
        after = max(_last_needed(config, axis, at) - at for at in range(stride))
        fields.append((before, after))
    return tuple(fields)


def round_up(number: int, step: int) -> int:
    """The smallest multiple of `step` that is not below `number`."""
    return -(-number // step) * step


def reflected(start: int, stop: int, length: int) -> list[int]:
    """Indices start … stop-1 of an axis of that length, mirrored at its ends without repeating
    them.
    """
    if length == 1:
        return [0] * (stop - start)
    period = 2 * (length - 1)
    return [min(at % period, period - at % period) for at in range(start, stop)]


def _first_needed(config: UNetConfig, axis: int, at: int) -> int:
    """The first input voxel on which output voxel `at` depends: down the decoder, back up the
    encoder.
    """
    steps = [level[axis] for level in config.level_strides]
    needs = []
    for step in steps:
        at -= BLOCK_REACH
        needs.append(at)
        at = at // step
    at -= BLOCK_REACH
    for step, need in zip(reversed(steps), reversed(needs), strict=True):
        at = min(need, at * step) - BLOCK_REACH
    return at


def _last_needed(config: UNetConfig, axis: int, at: int) -> int:
    steps = [level[axis] for level in config.level_strides]
    needs = []
    for step in steps:
        at += BLOCK_REACH
        needs.append(at)
        at = at // step
    at += BLOCK_REACH
    for step, need in zip(reversed(steps), reversed(needs), strict=True):
        at = max(need, at * step + step - 1) + BLOCK_REACH
    return at

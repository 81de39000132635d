"""What follows from the shape of a network: strides, padding, receptive field and halo. No torch.

The halo is the context around a tile that its core needs in order to come out as in the whole
image: Majurski & Bajcsy, J. Res. NIST 126 (2021) 126009.
"""

from math import prod

from napari_unet.model.config import UNetConfig

BLOCK_REACH = 2  # voxels to each side: a block is two 3x3 convolutions


def total_strides(config: UNetConfig) -> tuple[int, ...]:
    """How many voxels along each axis become one at the deepest level."""
    return tuple(
        prod(level[axis] for level in config.level_strides) for axis in range(config.dimensions)
    )


def exact_halo(config: UNetConfig) -> tuple[int, ...]:
    """The context, in voxels per axis, that a core aligned to `total_strides` needs on each side;
    rounded up to these strides, so that windows are aligned as well.
    """
    strides = total_strides(config)
    return tuple(
        round_up(-_first_needed(config, axis, 0), strides[axis])
        for axis in range(config.dimensions)
    )


def receptive_field(config: UNetConfig) -> tuple[tuple[int, int], ...]:
    """Per axis, how far before and after an output voxel an input voxel can lie and change it.

    Pooling makes that depend on the position within a stride; the largest distances are given.
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
    """Indices of voxels for the positions start … stop - 1 along an axis of that length, mirrored
    beyond its ends; the voxel at an end is not repeated (2 1 0 1 2 … for -2 and on).
    """
    if length == 1:
        return [0] * (stop - start)
    period = 2 * (length - 1)
    return [min(at % period, period - at % period) for at in range(start, stop)]


def _first_needed(config: UNetConfig, axis: int, at: int) -> int:
    """The first input voxel on which output voxel `at` depends, along one axis.

    Followed from the output back to the input: down the levels of the decoder to the deepest one,
    then up those of the encoder. At each level, what comes from below and what the skip connection
    needs meet, and the earlier of the two counts.
    """
    steps = [level[axis] for level in config.level_strides]
    needs = []
    for step in steps:
        at -= BLOCK_REACH
        needs.append(at)
        at //= step  # the voxel below that this one is made of
    at -= BLOCK_REACH
    for step, need in zip(reversed(steps), reversed(needs), strict=True):
        at = min(need, at * step) - BLOCK_REACH  # pooling takes `step` voxels from `at * step` on
    return at


def _last_needed(config: UNetConfig, axis: int, at: int) -> int:
    """The last one, found in the same way."""
    steps = [level[axis] for level in config.level_strides]
    needs = []
    for step in steps:
        at += BLOCK_REACH
        needs.append(at)
        at //= step
    at += BLOCK_REACH
    for step, need in zip(reversed(steps), reversed(needs), strict=True):
        at = max(need, at * step + step - 1) + BLOCK_REACH
    return at

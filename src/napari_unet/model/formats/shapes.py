"""The shapes of a U-Net's tensors, computed from its config, so that a file is compared with them
before a network is built.
"""

from napari_unet.model.config import UNetConfig
from napari_unet.model.head import head_of

Shapes = dict[str, tuple[int, ...]]


def tensor_shapes(config: UNetConfig) -> Shapes:
    """Name and shape of every weight and statistic, as the network's state dict has them."""
    widths = config.widths
    kernel = (3,) * config.dimensions
    shapes: Shapes = {}
    for level, (before, after) in enumerate(
        zip((config.in_channels, *widths[:-1]), widths, strict=True)
    ):
        shapes |= _block(config, f"encoder.{level}", before, after, kernel)
    for step, level in enumerate(reversed(range(config.depth))):
        below = widths[level + 1]
        here = widths[level]
        shapes |= {
            f"decoder.{step}.up.weight": (below, here, *config.level_strides[level]),
            f"decoder.{step}.up.bias": (here,),
        }
        shapes |= _block(config, f"decoder.{step}.block", 2 * here, here, kernel)
    ones = (1,) * config.dimensions
    outputs = head_of(config).channels
    shapes |= {"head.weight": (outputs, widths[0], *ones), "head.bias": (outputs,)}
    if config.head_levels == "every" and config.depth > 0:
        shapes["level_heads.skip.weight"] = (outputs, widths[0], *ones)
        for step, width in enumerate(widths[-2:0:-1]):
            shapes[f"level_heads.decoder.{step}.weight"] = (outputs, width, *ones)
    return shapes


def _block(
    config: UNetConfig, name: str, before: int, after: int, kernel: tuple[int, ...]
) -> Shapes:
    shapes = _conv_norm(config, f"{name}.first", before, after, kernel) | _conv_norm(
        config, f"{name}.second", after, after, kernel
    )
    if config.residual:
        shapes |= {
            f"{name}.skip.weight": (after, before, *(1,) * config.dimensions),
            f"{name}.skip.bias": (after,),
        }
    return shapes


def _conv_norm(
    config: UNetConfig, name: str, before: int, after: int, kernel: tuple[int, ...]
) -> Shapes:
    weight = {f"{name}.conv.weight": (after, before, *kernel)}
    if config.norm == "none":
        return weight | {f"{name}.conv.bias": (after,)}
    tensors = (
        ("weight", "bias", "running_mean", "running_var")
        if config.norm == "batch"
        else ("weight", "bias")
    )
    return weight | {f"{name}.norm.{part}": (after,) for part in tensors}

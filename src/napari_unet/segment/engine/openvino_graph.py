"""A U-Net as OpenVINO's graph, written from its weights.

Nothing is traced: tracing takes seconds, uses deprecated parts of torch, and needs OpenVINO's
converter, which reports its use over the network. The graph is that of `model/unet.py`,
with BatchNorm folded into the convolutions, and the activation of its head at the end.
"""

from functools import reduce
from typing import Any

import numpy as np

from napari_unet.model.head import Head, head_of
from napari_unet.model.level_heads import LevelHeads
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import ConvNorm, UNet
from napari_unet.segment.engine.openvino_import import openvino, ops

nn = torch.nn
BATCH_NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)
INSTANCE_NORMS = (nn.InstanceNorm2d, nn.InstanceNorm3d)


def graph_of(network: UNet) -> Any:
    """The `openvino.Model` of a network in evaluation mode: (1, C, *space) to probabilities (1, K,
    *space).

    Each side has to be a multiple of the network's stride along it.
    """
    config = network.config
    image = ops.parameter(
        openvino.PartialShape([1, config.in_channels, *[-1] * config.dimensions]), np.float32
    )
    x = image
    skips = []
    for block, stride in zip(network.encoder[:-1], config.level_strides, strict=True):
        skips.append(_block(x, block))
        x = _pooled(skips[-1], stride)
    x = _block(x, network.encoder[-1])
    levels = skips[:1]
    for up in network.decoder:
        x = _up(x, skips.pop(), up)
        levels.append(x)
    scores = _convolved(x, network.head.weight, network.head.bias)
    if network.level_heads is not None:
        scores = _with_levels(scores, levels, network.level_heads)
    return openvino.Model([_probabilities(scores, head_of(config))], [image], "U-Net")


def _probabilities(scores: Any, head: Head) -> Any:
    """What `Head.probabilities` does, in OpenVINO's operations; channels lie along axis 1."""
    return ops.softmax(scores, 1) if head.activation == "softmax" else ops.sigmoid(scores)


def _with_levels(scores: Any, levels: list[Any], heads: LevelHeads) -> Any:
    """The last level's scores, and those of the first skip and the other levels (`ScoreSum`)."""
    scores = ops.add(scores, _convolved(levels[0], heads.skip.weight, None))
    below = None
    for x, head, stride in zip(levels[1:-1], heads.decoder, heads.strides, strict=True):
        own = _convolved(x, head.weight, None)
        below = _interpolated(own if below is None else ops.add(below, own), stride)
    return scores if below is None else ops.add(scores, below)


def _interpolated(scores: Any, stride: tuple[int, ...]) -> Any:
    """What `level_heads.interpolated` does, as a transposed convolution with constant weights of
    an image whose outermost voxels are repeated once.
    """
    ends = [0, 0, *(int(step > 1) for step in stride)]
    padded = ops.pad(scores, ends, ends, "edge")
    channels = scores.get_output_partial_shape(0)[1].get_length()
    weight = reduce(np.multiply.outer, [_linear(step) for step in stride])
    weights = np.broadcast_to(weight, (channels, 1, 1, *weight.shape))
    crop = [0 if step == 1 else step + step // 2 for step in stride]
    return ops.group_convolution_backprop_data(
        padded,
        ops.constant(np.ascontiguousarray(weights)),
        list(stride),
        pads_begin=crop,
        pads_end=crop,
    )


def _linear(step: int) -> np.ndarray:
    """The weights with which a voxel is spread over those around it, `step` times as fine."""
    parts = 2 * step - step % 2
    distances = np.arange(parts) - (parts - 1) / 2
    weights: np.ndarray = (1 - np.abs(distances) / step).astype(np.float32)
    return weights


def _block(x: Any, block: Any) -> Any:
    y = _conv_norm(ops.relu(_conv_norm(x, block.first)), block.second)
    return ops.relu(
        y if block.skip is None else ops.add(y, _convolved(x, block.skip.weight, block.skip.bias))
    )


def _up(x: Any, skip: Any, up: Any) -> Any:
    """Up-convolution of `x`, concatenation with the skip connection, and a block."""
    grown = ops.convolution_backprop_data(x, _constant(up.up.weight), list(up.up.stride))
    return _block(ops.concat([skip, _with_bias(grown, up.up.bias)], 1), up.block)


def _pooled(x: Any, stride: tuple[int, ...]) -> Any:
    ones = [1] * len(stride)
    none = [0] * len(stride)
    return ops.max_pool(x, list(stride), ones, none, none, list(stride)).output(0)


def _conv_norm(x: Any, part: ConvNorm) -> Any:
    norm = part.norm
    weight = part.conv.weight
    bias = part.conv.bias
    if isinstance(norm, BATCH_NORMS):
        statistics: Any = (norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias)
        return _convolved(x, *nn.utils.fusion.fuse_conv_bn_weights(weight, bias, *statistics))
    y = _convolved(x, weight, bias)
    return _even(y, norm, weight.ndim) if isinstance(norm, INSTANCE_NORMS) else y


def _even(x: Any, norm: Any, ndim: int) -> Any:
    """Instance normalisation: each feature by its own mean and variance over space."""
    even = ops.mvn(x, ops.constant(np.arange(2, ndim)), True, norm.eps, "INSIDE_SQRT")
    return _with_bias(ops.multiply(even, _constant(norm.weight, ndim)), norm.bias)


def _convolved(x: Any, weight: Any, bias: Any) -> Any:
    """`x` after a convolution of stride 1 that keeps its size."""
    ones = [1] * (weight.ndim - 2)
    pads = [side // 2 for side in weight.shape[2:]]
    return _with_bias(ops.convolution(x, _constant(weight), ones, pads, pads, ones), bias)


def _with_bias(x: Any, bias: Any) -> Any:
    return x if bias is None else ops.add(x, _constant(bias, len(x.get_output_partial_shape(0))))


def _constant(weight: Any, ndim: int | None = None) -> Any:
    """A weight as it is, or one number for each feature, shaped for `ndim` axes."""
    values = np.ascontiguousarray(weight.detach().cpu().numpy(), np.float32)
    return ops.constant(values if ndim is None else values.reshape(1, -1, *[1] * (ndim - 2)))

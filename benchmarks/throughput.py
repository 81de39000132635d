"""Ours against MONAI's sliding window: the same weights, the same image, one run, label differences
beside the times.

    pip install --no-deps -r benchmarks/requirements.txt
    python benchmarks/throughput.py --model MODEL --data FOLDER

The image is four test sections of ISBI 2012 side by side, 1024 × 1024. The reference of the label
differences is the network run once over the whole image.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import store
from engine import decided
from options import command_line

import napari_unet as nu
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.tiles.normalize import normalize

Labels = np.ndarray
PEER = "MONAI, 256 px, overlap 0.5, gaussian, four windows at a time"


def main() -> None:
    """Time each way in turn, several rounds, and compare its labels with the whole image's."""
    options = _options()
    model = nu.load_model(options.model)
    image = mosaic(options.data)
    part, _ = normalize(
        image[None], frame_statistics(scan_of(image), 2, (), model.spec.normalization)
    )
    tensor = torch.from_numpy(part)[None]
    ways: dict[str, Callable[[], Labels]] = {
        "whole image, torch eager": lambda: _whole(model.network, tensor),
        "napari-unet, exact tiles": lambda: nu.segment(image, model),
        "napari-unet, exact tiles of 256": lambda: nu.segment(
            image, model, settings=nu.SegmentSettings(tile_px=256)
        ),
        PEER: lambda: _monai(model.network, tensor, 0.5, "gaussian", 4),
        "MONAI, the same, one window at a time": lambda: _monai(
            model.network, tensor, 0.5, "gaussian", 1
        ),
        "MONAI, 256 px, overlap 0.25, constant": lambda: _monai(
            model.network, tensor, 0.25, "constant", 4
        ),
    }
    times = {name: list[float]() for name in ways}
    labels = dict[str, Labels]()
    for _ in range(options.rounds):
        for name, way in ways.items():
            begin = time.perf_counter()
            labels[name] = way()
            times[name].append(time.perf_counter() - begin)
    whole = labels["whole image, torch eager"]
    peer = times[PEER]
    figures = {
        name: {
            "seconds": store.spread(seconds),
            "times MONAI's throughput": store.spread(
                [p / s for p, s in zip(peer, seconds, strict=True)], 2
            ),
            "labels that differ from the whole image": int((labels[name] != whole).sum()),
        }
        for name, seconds in times.items()
    }
    store.save(
        "throughput-2d",
        "python benchmarks/throughput.py --model MODEL --data FOLDER",
        {"image": "1024 x 1024", **figures},
    )


def mosaic(folder: Path) -> np.ndarray:
    """Four test sections, two by two."""
    sections = [
        np.asarray(iio.imread(folder / "images" / f"{number:02}.png")) for number in range(20, 24)
    ]
    return np.block([sections[:2], sections[2:]])


def _whole(network: torch.nn.Module, tensor: torch.Tensor) -> Labels:
    with torch.inference_mode():
        return decided(network(tensor))


def _monai(
    network: torch.nn.Module, tensor: torch.Tensor, overlap: float, mode: str, batch: int
) -> Labels:
    from monai.inferers import sliding_window_inference

    with torch.inference_mode():
        return decided(
            sliding_window_inference(tensor, (256, 256), batch, network, overlap=overlap, mode=mode)
        )


def _options() -> argparse.Namespace:
    parser = command_line(__doc__)
    parser.add_argument(
        "--model", required=True, help="a model trained by benchmarks/isbi2012.py --width 32 --save"
    )
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""A network that normalises by instance, in tiles: the labels that differ from the whole image's,
against MONAI's blended windows.

python benchmarks/instance.py --data ISBI2012 [--minutes 2]

Trained on the membranes of training sections; the image is made of test sections side by side, 2048
x 2048, so that its statistics are those of a sample.
"""

from pathlib import Path

import numpy as np
import store
from learning import MEMBRANES, binary
from options import command_line

import napari_unet as nu
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.optimise.fit import fit
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.config import UNetConfig
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.scans.scan import scan_of
from napari_unet.segment.statistics.frame import frame_statistics
from napari_unet.segment.tiles import instance_sample
from napari_unet.segment.tiles.normalize import normalize

SPEC = ModelSpec(
    name="instance",
    architecture=UNetConfig(width=16, depth=4, norm="instance"),
    channels=("electron micrograph",),
    classes=MEMBRANES,
)


def main() -> None:
    """Train, segment in each way, compare with the whole."""
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=2)
    options = parser.parse_args()
    examples = [e for n in range(17) for e in examples_of(*binary(options.data, f"{n:02}"), SPEC)]
    model = fit(examples, SPEC, TrainSettings(minutes=options.minutes)).model
    tests = [
        np.asarray(binary(options.data, f"{20 + number % 10:02}")[0].data) for number in range(16)
    ]
    image = np.block([tests[row : row + 4] for row in range(0, 16, 4)])
    part, _ = normalize(image[None], frame_statistics(scan_of(image), 2, (), SPEC.normalization))
    tensor = torch.from_numpy(part)[None]
    with torch.inference_mode():
        whole = model.network(tensor)[0, 0].numpy() >= 0
    found = {
        "napari-unet, statistics of a sample": nu.segment(image, model) > 0,
        "napari-unet, tiles of 256, the same": nu.segment(
            image, model, settings=nu.SegmentSettings(tile_px=256)
        )
        > 0,
        "MONAI, 256, overlap 0.5, gaussian": _monai(model.network, tensor),
    }
    instance_sample.SAMPLE_BYTES = {2: 10**12}
    found["napari-unet, statistics of the whole image"] = nu.segment(image, model) > 0
    figures = {
        "image": " x ".join(map(str, image.shape)),
        "foreground": round(float(whole.mean()), 3),
        "labels that differ, share": {
            name: float(f"{(labels != whole).mean():.2g}") for name, labels in found.items()
        },
    }
    store.save(
        "instance-2d",
        f"python benchmarks/instance.py --data FOLDER --minutes {options.minutes:g}",
        figures,
    )


def _monai(network: torch.nn.Module, tensor: torch.Tensor) -> np.ndarray:
    from monai.inferers import sliding_window_inference

    with torch.inference_mode():
        return (
            sliding_window_inference(tensor, (256, 256), 4, network, overlap=0.5, mode="gaussian")[
                0, 0
            ]
            >= 0
        ).numpy()  # type: ignore[no-any-return]


if __name__ == "__main__":
    main()

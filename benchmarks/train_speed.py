"""Training steps per second, ours against MONAI's own transforms and loaders: the same network,
data, patch and batch, in one run.

    pip install --no-deps -r benchmarks/requirements.txt
    python benchmarks/train_speed.py --data FOLDER

MONAI: CacheDataset, DataLoader without workers, its own transforms of the same kinds and strengths,
AdamW, Dice and cross-entropy; as a plain loop has it (float32), and with the network laid out and
computed as ours is (channels_last, and bfloat16 where the machine has it). The ways take turns.
Data: 20 sections of ISBI 2012, patches 4 x 192 x 192.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import store
from learning import MEMBRANES, binary
from options import command_line

from napari_unet.learn.data.example import Example
from napari_unet.learn.data.make_examples import examples_of
from napari_unet.learn.optimise.trainer import Trainer
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.config import UNetConfig
from napari_unet.model.spec import ModelSpec
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.progress import always_continue

PATCH = 192
BATCH = 4
STEPS = 10  # a turn
SPEC = ModelSpec(
    name="speed",
    architecture=UNetConfig(width=16, depth=4),
    channels=("electron micrograph",),
    classes=MEMBRANES,
)
Step = Callable[[], None]


def main() -> None:
    """Time some steps of each way in turn, and store the row."""
    parser = command_line(__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--turns", type=int, default=5)
    options = parser.parse_args()
    examples = [e for n in range(20) for e in examples_of(*binary(options.data, f"{n:02}"), SPEC)]
    settings = TrainSettings(batch=BATCH, patch_px=PATCH).chosen_for(fine_tuning=False)
    trainer = Trainer(examples, SPEC, settings, None, always_continue)
    ways: dict[str, Step] = {
        "napari-unet": lambda: trainer.step(1.0, 100) and None,
        "MONAI, float32": Peer(examples, settings, "float32").step,
        f"MONAI, {trainer.precision}, channels_last": Peer(
            examples, settings, trainer.precision
        ).step,
    }
    rates: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(options.turns + 1):
        for name, step in ways.items():
            rate = steps_per_second(step)
            if turn:  # the first warms up
                rates[name].append(rate)
    ours = rates["napari-unet"]
    figures: dict[str, object] = {
        "patch": f"{BATCH} x {PATCH} x {PATCH}",
        "network": "width 16, 4 poolings",
    }
    for name, found in rates.items():
        ratio = [one / other for one, other in zip(ours, found, strict=True)]
        figures[name] = {
            "steps per second": store.spread(found, 2),
            "ours, times as fast": store.spread(ratio, 2),
        }
    store.save("train-speed", "python benchmarks/train_speed.py --data FOLDER", figures)


def steps_per_second(step: Step) -> float:
    """The rate over some steps."""
    begin = time.perf_counter()
    for _ in range(STEPS):
        step()
    return STEPS / (time.perf_counter() - begin)


class Peer:
    """The loop of a MONAI tutorial, one step at a time."""

    def __init__(self, examples: list[Example], settings: TrainSettings, precision: str) -> None:
        from monai.data import CacheDataset, DataLoader
        from monai.losses import DiceCELoss

        values = [{"image": e.image, "label": e.labels[None].astype(np.float32)} for e in examples]
        data = CacheDataset(values, transform=_transforms(settings), progress=False)
        self._loader = DataLoader(data, batch_size=BATCH, shuffle=True, num_workers=0)
        self._like_ours = precision != "float32"
        network = UNet(SPEC.architecture).train()
        self._network = (
            network.to(memory_format=torch.channels_last) if self._like_ours else network
        )
        self._optimizer = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate or 1e-3)
        self._loss = DiceCELoss(sigmoid=True)
        self._batches = self._endless()

    def _endless(self) -> Iterator[dict[str, torch.Tensor]]:
        while True:
            yield from self._loader

    def step(self) -> None:
        """One step."""
        batch = next(self._batches)
        with torch.autocast("cpu", torch.bfloat16, enabled=self._like_ours):
            scores = self._network(batch["image"].as_tensor())
        loss = self._loss(scores.float(), batch["label"].as_tensor())
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()


def _transforms(settings: TrainSettings) -> object:
    """What varies our patches, in MONAI's terms: the same kinds, as often and as strong as ours."""
    from monai import transforms as made

    a = settings.augment
    both = ["image", "label"]
    modes = {"mode": ("bilinear", "nearest"), "padding_mode": "reflection"}
    turn = np.deg2rad(a.rotation_deg)
    shrink = a.scale - 1
    bend = made.Rand2DElasticd(
        both,
        spacing=(a.elastic_grid_px,) * 2,
        magnitude_range=(0, a.elastic_px),
        prob=a.warped_share,
        rotate_range=turn,
        scale_range=(-shrink / a.scale, shrink),
        shear_range=(a.shear, a.shear),
        **modes,
    )
    return made.Compose(
        [
            made.RandSpatialCropd(both, (PATCH, PATCH), random_size=False),
            made.RandAxisFlipd(both, prob=0.5),
            made.RandRotate90d(both, prob=0.5),
            bend,
            made.RandScaleIntensityd("image", factors=a.contrast - 1, prob=0.5),
            made.RandShiftIntensityd("image", offsets=a.brightness, prob=0.5),
            made.RandAdjustContrastd("image", gamma=(1 / a.gamma, a.gamma), prob=0.5),
            made.RandGaussianNoised("image", std=a.noise, prob=0.25),
            made.RandGaussianSmoothd("image", (0, a.blur_px), (0, a.blur_px), prob=0.25),
            made.EnsureTyped(both),
        ]
    )


if __name__ == "__main__":
    main()

"""What sampling and varying the patches costs, as a share of a whole training step.

    python benchmarks/augment.py

A step is what the training does: sampling and augmentation, forward, backward, AdamW, the running
mean. Every variation is on, with its default strength; patches come from one drawn frame of a
common size.
"""

import time
from collections.abc import Callable

import numpy as np
import store
from options import command_line
from scipy.ndimage import gaussian_filter

from napari_unet.learn.data.example import Example
from napari_unet.learn.optimise.trainer import Trainer
from napari_unet.learn.settings import TrainSettings
from napari_unet.model.config import UNetConfig
from napari_unet.model.spec import ClassSpec, ModelSpec
from napari_unet.progress import always_continue

CASES = {
    "2D, 4 x 192 x 192": (
        UNetConfig(width=16, depth=4),
        (1024, 1024),
        TrainSettings(batch=4, patch_px=192),
    ),
    "3D, 2 x 64 x 64 x 64": (
        UNetConfig(dimensions=3, width=16, depth=3),
        (128, 128, 128),
        TrainSettings(batch=2, patch_px=64),
    ),
}


def main() -> None:
    """Time steps and batches in turn, and store the row."""
    parser = command_line(__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--precision", default="auto")
    options = parser.parse_args()
    figures: dict[str, object] = {}
    for name, (config, frame, settings) in CASES.items():
        chosen = settings.model_copy(update={"precision": options.precision}).chosen_for(
            fine_tuning=False
        )
        trainer = Trainer([_example(frame)], _spec(config), chosen, None, always_continue)
        for done in range(3):
            trainer.step(1.0, done)
        figures["convolutions"] = trainer.precision
        figures[name] = _measured(trainer, settings.batch, options.rounds)
    store.save("augment", "python benchmarks/augment.py", figures)


def _measured(trainer: Trainer, batch: int, rounds: int) -> dict[str, object]:
    """Milliseconds of a step and of its batch alone, one after the other, and the share of the one
    in the other.
    """
    steps = []
    batches = []
    for number in range(rounds):
        steps.append(_ms(lambda at=number: trainer.step(1.0, at)))  # type: ignore[misc]
        batches.append(_ms(lambda: trainer.sampler.batch(batch)))
    shares = [100 * part / whole for part, whole in zip(batches, steps, strict=True)]
    return {
        "step, ms": store.spread(steps, 1),
        "its batch, ms": store.spread(batches, 1),
        "share, %": store.spread(shares, 1),
    }


def _ms(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - begin)


def _example(frame: tuple[int, ...]) -> Example:
    clouds = gaussian_filter(np.random.default_rng(0).standard_normal(frame, np.float32), 3)
    return Example(clouds[None], (clouds > 0).astype(np.uint8))


def _spec(config: UNetConfig) -> ModelSpec:
    classes = (
        ClassSpec(name="background", colour="#000000"),
        ClassSpec(name="cloud", colour="#ff9f1c"),
    )
    return ModelSpec(name="augment", architecture=config, channels=("drawn",), classes=classes)


if __name__ == "__main__":
    main()

"""Checkpoints: all that a training is, written now and then, so that it can be resumed to the same
bits.

That is the network, its running mean, AdamW's moments, the losses, the states of torch's random
generators, the plan of the steps, and how many batches were drawn: the patches of a batch depend on
its number alone.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import CheckpointError, OutputError, SettingsError
from napari_unet.files.moves import discard
from napari_unet.learn.data.example import Example
from napari_unet.learn.optimise.adamw import MOMENTS
from napari_unet.learn.optimise.budget import Budget
from napari_unet.learn.optimise.checkpoint_file import (
    PATCHES,
    Hashes,
    Numbers,
    read_checkpoint,
    write_checkpoint,
)
from napari_unet.learn.optimise.trainer import Trainer
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import Tensors, tensors_of, weights_sha256

LARGEST_SHARE = 0.02  # of the time, for writing

# settings that may differ when a training is resumed: how long it runs, and on what
ABOUT_THE_RUN = {
    "minutes",
    "steps",
    "planned_steps",
    "fall_from",
    "renewed_plans",
    "threads",
    "most_steps",
    "most_minutes",
    "device",
    "precision",
    "checkpoint_seconds",
}
# … and what else need not be compared, since it decides what is: the guard, the weights, the data
SEEN_ELSEWHERE = {"keep_what_it_knew", "fit_head", "head_only", "empty_borders"}


class Checkpoints:
    """The checkpoint of one training: written now and then, read to resume, removed when the
    training is cancelled.

    Where it can not be written, `trouble` is the reason, and the training continues without.
    """

    def __init__(
        self,
        path: Path | None,
        every_s: float,
        make_hashes: Callable[[], Hashes],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._every_s = every_s
        self._make_hashes = make_hashes  # called once, when needed: it reads all of the data
        self._clock = clock
        self._last = clock()
        self._cost_s = 0.0
        self._begun_here = False
        self._resumed = False
        self._hashes: Hashes | None = None
        self.trouble = ""

    def write_when_due(self, trainer: Trainer, budget: Budget) -> None:
        """Write it where the last is old enough, and writing takes its small share of the time at
        most.
        """
        least_s = max(self._every_s, self._cost_s / LARGEST_SHARE)
        if self._path is not None and self._clock() - self._last >= least_s:
            self._write(self._path, trainer, budget)

    def write_if_none(self, trainer: Trainer, budget: Budget) -> None:
        """At the end, write it where the training was too short for one: what comes after may still
        go wrong.
        """
        if self._path is not None and budget.done and not (self._begun_here or self._resumed):
            self._write(self._path, trainer, budget)

    def _write(self, path: Path, trainer: Trainer, budget: Budget) -> None:
        began = self._clock()
        self._hashes = self._hashes or self._make_hashes()
        try:
            write_checkpoint(path, *_state_of(trainer, budget), self._hashes)
            self._begun_here = not self._resumed
            self.trouble = ""
        except OutputError as error:
            self.trouble = f"No checkpoint can be written: {error}"
        self._last = self._clock()
        self._cost_s = self._last - began if self._every_s else 0.0

    def restore(self, trainer: Trainer, budget: Budget) -> None:
        """Resume from the file; raises `CheckpointError` where there is none, or it is damaged or
        of another training.
        """
        if self._path is None:
            raise CheckpointError("There is no checkpoint to resume from: none was named.")
        self._hashes = self._make_hashes()
        tensors, numbers = read_checkpoint(self._path, self._hashes)
        try:
            budget.set_state(numbers["budget"], tensors["losses"].tolist())
            _set_trainer(trainer, tensors, numbers)
            self._resumed = True
        except SettingsError:
            raise
        except (KeyError, ValueError, TypeError, RuntimeError) as error:
            raise CheckpointError(
                f"{self._path.name} does not hold this training ({error}). Start it anew."
            ) from error

    def remove_own(self) -> None:
        """Remove what this run has begun; what was there to resume from stays."""
        if self._path is not None and self._begun_here:
            discard(self._path)


def hashes_of(examples: Sequence[Example], trainer: Trainer, start: UNet | None) -> Hashes:
    """Hashes of what a training depends on: its data, its network, its settings."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(str(example.spacing).encode())
        for part in (example.image, example.labels, example.parent_targets, example.weight):
            digest.update(b"none" if part is None else f"{part.shape}{part.dtype.str}".encode())
            digest.update(b"" if part is None else np.ascontiguousarray(part).data)
    origin = "drawn" if start is None else weights_sha256(start.config, tensors_of(start))
    # by the name that this setting had at first, so that a checkpoint of before can be resumed
    chosen = trainer.settings.model_dump_json(exclude=ABOUT_THE_RUN | SEEN_ELSEWHERE)
    chosen = chosen.replace('"guard_drawn_images"', '"guard_pictures"')
    return {
        "data": digest.hexdigest(),
        "network": _sha256(trainer.network.config.identity + origin),
        "settings": _sha256(chosen + trainer.precision),
    }


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _state_of(trainer: Trainer, budget: Budget) -> tuple[Tensors, Numbers]:
    tensors = {f"network.{key}": value for key, value in trainer.network.state_dict().items()}
    tensors |= {f"averaged.{key}": value for key, value in trainer.averaged.state_dict().items()}
    for number, weight in enumerate(trainer.weights):
        moments = trainer.optimizer.state[weight]
        tensors |= {f"{moment}.{number}": moments[moment] for moment in MOMENTS}
    tensors |= {f"random.{name}": get() for name, (get, _) in _generators(trainer).items()}
    tensors["losses"] = torch.tensor(budget.losses, dtype=torch.float64)
    tensors = {key: value.detach().to("cpu").contiguous() for key, value in tensors.items()}
    patches = trainer.settings.model_dump(mode="json", include=set(PATCHES))
    return tensors, {
        "budget": budget.state(),
        "threads": trainer.threads.state(),
        "sampler": trainer.sampler.state(),
        "patches": patches,
    }


def _set_trainer(trainer: Trainer, tensors: Tensors, numbers: Numbers) -> None:
    for prefix, network in (("network.", trainer.network), ("averaged.", trainer.averaged)):
        own = {key: value for key, value in tensors.items() if key.startswith(prefix)}
        network.load_state_dict({key.removeprefix(prefix): value for key, value in own.items()})
    for number, weight in enumerate(trainer.weights):
        moments = {moment: tensors[f"{moment}.{number}"] for moment in MOMENTS}
        # copied into the weight's own layout and device; the step counts stay on the processor
        trainer.optimizer.state[weight] = {
            "exp_avg": torch.empty_like(weight).copy_(moments["exp_avg"]),
            "exp_avg_sq": torch.empty_like(weight).copy_(moments["exp_avg_sq"]),
            "step": moments["step"],
        }
    for name, (_, put) in _generators(trainer).items():
        put(tensors[f"random.{name}"])
    trainer.sampler.set_state(numbers["sampler"])
    if "threads" in numbers:  # not in checkpoints of before
        trainer.threads.set_state(numbers["threads"])


def _generators(
    trainer: Trainer,
) -> dict[str, tuple[Callable[[], torch.Tensor], Callable[[torch.Tensor], object]]]:
    """How the state of each of torch's generators that a step uses is read and set."""
    found: dict[str, Any] = {"torch": (torch.get_rng_state, torch.set_rng_state)}
    if trainer.device.startswith("cuda"):
        get = torch.cuda.get_rng_state
        put = torch.cuda.set_rng_state
        found["cuda"] = (lambda: get(trainer.device), lambda state: put(state, trainer.device))
    return found

"""Checkpoints: all that a training is, in one file of tensors and plain numbers, from which it goes
on to the same bits.

One .safetensors: the network, its running mean, AdamW's moments, the losses and the states of
torch's generators as tensors; steps, plan and the state of numpy's generator as JSON. Nothing in it
can run.
"""

import glob
import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import CheckpointError, OutputError, SettingsError
from napari_unet.files.atomic import discard, write_atomically
from napari_unet.files.names import name_beside, unusual_kind
from napari_unet.learn.data.example import Example
from napari_unet.learn.optimise.adamw import MOMENTS
from napari_unet.learn.optimise.budget import Budget
from napari_unet.learn.optimise.trainer import Trainer
from napari_unet.model.formats.safetensors_header import MAX_FILE_BYTES, MAX_HEADER_BYTES
from napari_unet.model.torch_import import torch
from napari_unet.model.unet import UNet
from napari_unet.model.weights import tensors_of, weights_sha256

KEY = "napari_unet_checkpoint"
FORMAT = 1
LARGEST_SHARE = 0.02  # of the time, for writing

PATCHES = ("batch", "patch_shape", "patch_px")
ABOUT_THE_RUN = {
    "minutes",
    "steps",
    "planned_steps",
    "fall_from",
    "most_steps",
    "most_minutes",
    "device",
    "precision",
    "checkpoint_seconds",
}

Tensors = dict[str, torch.Tensor]
Numbers = dict[str, Any]
Print = dict[str, str]


class Checkpoints:
    """The checkpoint of one training: written now and then, read to go on, forgotten when it was
    all in vain.

    Where it can not be written, `trouble` says why, and the training goes on without.
    """

    def __init__(
        self,
        path: Path | None,
        every_s: float,
        prints: Callable[[], Print],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._every_s = every_s
        self._prints = prints
        self._clock = clock
        self._last = clock()
        self._cost_s = 0.0
        self._mine = self._resumed = False
        self._print: Print | None = None
        self.trouble = ""

    def write_when_due(self, trainer: Trainer, budget: Budget) -> None:
        """Write it where the last is old enough, and writing takes its small share of the time at
        most.
        """
        if self._path is not None and self._clock() - self._last >= max(
            self._every_s, self._cost_s / LARGEST_SHARE
        ):
            self._write(self._path, trainer, budget)

    def write_if_none(self, trainer: Trainer, budget: Budget) -> None:
        """At the end, write it where the training was too short for one: what comes after may still
        go wrong.
        """
        if self._path is not None and budget.done and not (self._mine or self._resumed):
            self._write(self._path, trainer, budget)

    def _write(self, path: Path, trainer: Trainer, budget: Budget) -> None:
        now = self._clock()
        self._print = self._print or self._prints()
        try:
            write_checkpoint(path, *_state_of(trainer, budget), self._print)
            self._mine = not self._resumed
            self.trouble = ""
        except OutputError as error:
            self.trouble = str(error)
        self._last = self._clock()
        self._cost_s = self._last - now if self._every_s else 0.0

    def restore(self, trainer: Trainer, budget: Budget) -> None:
        """Go on from the file; raises `CheckpointError` where there is none, or it is damaged or of
        another training.
        """
        if self._path is None:
            raise CheckpointError("There is no checkpoint to go on from: none was named.")
        self._print = self._prints()
        tensors, numbers = read_checkpoint(self._path, self._print)
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

    def forget(self) -> None:
        """Remove what this run has begun; what was there to go on from stays."""
        if self._path is not None and self._mine:
            discard(self._path)


def fingerprint(examples: Sequence[Example], trainer: Trainer, start: UNet | None) -> Print:
    """Hashes of what a training depends on: its data, its network, its settings."""
    digest = hashlib.sha256()
    for example in examples:
        digest.update(str(example.spacing).encode())
        for part in (example.image, example.labels, example.prior, example.weight):
            digest.update(b"none" if part is None else f"{part.shape}{part.dtype.str}".encode())
            digest.update(b"" if part is None else np.ascontiguousarray(part).data)
    origin = "drawn" if start is None else weights_sha256(start.config, tensors_of(start))
    chosen = trainer.settings.model_dump_json(exclude=ABOUT_THE_RUN)
    return {
        "data": digest.hexdigest(),
        "network": _sha(trainer.network.config.identity + origin),
        "settings": _sha(chosen + trainer.precision),
    }


def patches_of(path: Path) -> dict[str, Any]:
    """Batch and patch of a checkpoint's training, read from its head alone; nothing where that can
    not be read.
    """
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            text = json.loads(file.read(min(length, MAX_HEADER_BYTES)))["__metadata__"][KEY]
        told = json.loads(text)["numbers"]["patches"]
        return {name: told[name] for name in PATCHES}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}  # reading all of it will say what is wrong


def write_checkpoint(path: Path, tensors: Tensors, numbers: Numbers, prints: Print) -> None:
    """Write a checkpoint atomically and verified; raises `OutputError` where it can not be, and the
    old one stays.
    """
    from safetensors.torch import save

    _sweep(path)
    text = json.dumps(
        {
            "format": FORMAT,
            "prints": prints,
            "numbers": numbers,
            "tensors": _sha_of_tensors(tensors),
        }
    )
    payload = save(tensors, {KEY: text})
    write_atomically(
        path,
        lambda temporary: _write_bytes(temporary, payload),
        lambda temporary: read_checkpoint(temporary, prints),
    )


def read_checkpoint(path: Path, prints: Print) -> tuple[Tensors, Numbers]:
    """Tensors and numbers of a checkpoint; raises `CheckpointError` with one sentence for anything
    wrong with it.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    data = _bytes(path)
    try:
        tensors = load(data)
        head = json.loads(
            json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"][KEY]
        )
        whole = head["format"] == FORMAT and head["tensors"] == _sha_of_tensors(tensors)
        numbers = dict(head["numbers"])
        found = dict(head["prints"])
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(
            f"{path.name} is not a whole checkpoint of this version. Start the training anew."
        ) from error
    if not whole:
        raise CheckpointError(
            f"{path.name} is damaged or of another version. Start the training anew."
        )
    odd = [name for name, value in prints.items() if found.get(name) != value]
    if odd:  # the sentence names what differs: data, network or settings
        raise CheckpointError(
            f"{path.name} is of a training with other {' and '.join(odd)}. Give the same, or start anew."
        )
    return tensors, numbers


def _state_of(trainer: Trainer, budget: Budget) -> tuple[Tensors, Numbers]:
    tensors = {f"network.{key}": value for key, value in trainer.network.state_dict().items()}
    tensors |= {f"averaged.{key}": value for key, value in trainer.averaged.state_dict().items()}
    for number, weight in enumerate(trainer.weights):
        tensors |= {
            f"{moment}.{number}": trainer.optimizer.state[weight][moment] for moment in MOMENTS
        }
    tensors |= {f"random.{name}": get() for name, (get, _) in _generators(trainer).items()}
    tensors["losses"] = torch.tensor(budget.losses, dtype=torch.float64)
    tensors = {key: value.detach().to("cpu").contiguous() for key, value in tensors.items()}
    patches = trainer.settings.model_dump(mode="json", include=set(PATCHES))
    return tensors, {
        "budget": budget.state(),
        "sampler": trainer.sampler.state(),
        "patches": patches,
    }


def _set_trainer(trainer: Trainer, tensors: Tensors, numbers: Numbers) -> None:
    for name, network in (("network.", trainer.network), ("averaged.", trainer.averaged)):
        network.load_state_dict(
            {
                key.removeprefix(name): value
                for key, value in tensors.items()
                if key.startswith(name)
            }
        )
    for number, weight in enumerate(trainer.weights):
        moments = {moment: tensors[f"{moment}.{number}"] for moment in MOMENTS}
        mean, square = (torch.empty_like(weight).copy_(moments[moment]) for moment in MOMENTS[:2])
        trainer.optimizer.state[weight] = {
            "exp_avg": mean,
            "exp_avg_sq": square,
            "step": moments["step"],
        }
    for name, (_, put) in _generators(trainer).items():
        put(tensors[f"random.{name}"])
    trainer.sampler.set_state(numbers["sampler"])


def _generators(
    trainer: Trainer,
) -> dict[str, tuple[Callable[[], torch.Tensor], Callable[[torch.Tensor], object]]]:
    """How the state of each of torch's generators that a step uses is read and set."""
    found: dict[str, Any] = {
        "torch": (torch.get_rng_state, torch.set_rng_state),
    }
    if trainer.device.startswith("cuda"):
        get = torch.cuda.get_rng_state
        put = torch.cuda.set_rng_state
        found["cuda"] = (lambda: get(trainer.device), lambda state: put(state, trainer.device))
    return found


def _sweep(path: Path) -> None:
    """Remove the parts that a crash in the middle of writing has left."""
    ending = f".{'?' * 8}.part"
    begin = name_beside(f".{path.name}", ending).removesuffix(ending)
    for part in path.parent.glob(glob.escape(begin) + ending):
        discard(part)


def _bytes(path: Path) -> bytes:
    if kind := unusual_kind(path):
        raise CheckpointError(f"{path} is {kind}, not a checkpoint. Start the training anew.")
    try:
        if path.stat().st_size > 4 * MAX_FILE_BYTES:
            raise CheckpointError(
                f"{path.name} is larger than any checkpoint. Start the training anew."
            )
        return path.read_bytes()
    except OSError as error:
        raise CheckpointError(
            f"There is no checkpoint at {path} ({error.strerror}). Check the path, or start anew."
        ) from error


def _write_bytes(path: Path, payload: bytes) -> None:
    path.write_bytes(payload)


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sha_of_tensors(tensors: Tensors) -> str:
    digest = hashlib.sha256()
    for key in sorted(tensors):
        digest.update(f"{key}{tuple(tensors[key].shape)}{tensors[key].dtype}".encode())
        digest.update(np.ascontiguousarray(tensors[key].numpy()).data)
    return digest.hexdigest()

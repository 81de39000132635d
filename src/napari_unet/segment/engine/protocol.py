"""What an engine is: it runs one network on windows, wherever and by whatever library."""

from dataclasses import dataclass
from typing import Protocol, Self

from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.kinds import Kind


class EngineFacts(Protocol):
    """What is to be known of an engine, here or on another machine.

    `name` says with version and device what runs, for the record; `kind` which library that is and
    `device` where it runs, for the plan of memory; `note` what the user should know of it, in
    sentences, or nothing. All of them may change from one window to the next.
    """

    @property
    def name(self) -> str:
        """Such as "torch 2.13.0 on cpu"."""

    @property
    def kind(self) -> Kind:
        """Which library."""

    @property
    def device(self) -> str:
        """As torch writes it: "cpu", "cuda:0", "mps"."""

    @property
    def note(self) -> str:
        """What the user should know."""


class Engine(EngineFacts, Protocol):
    """Runs a network on one window after the other."""

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32, where the engine runs, of a normalised (C, *window)
        float32 from anywhere.

        A card may still be computing them when they are given. Asked within it, raises `Stopped` or
        `Cancelled`.
        """

    def fix(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Let a network that normalises by instance take the statistics of these (N, C, *window)
        for all windows from now on.

        Asked within it, raises `Stopped` or `Cancelled`; windows that it was fixed by last change
        nothing.
        """

    def give_way(self) -> bool:
        """Let another engine run where memory does not suffice for the smallest tile; False where
        there is none.
        """


class WrappedEngine:
    """Everything that is to be known is that of the engine which runs now."""

    def __init__(self, running: Engine) -> None:
        self._running = running

    @property
    def name(self) -> str:
        """With version and device."""
        return self._running.name

    @property
    def kind(self) -> Kind:
        """Which library."""
        return self._running.kind

    @property
    def device(self) -> str:
        """Where."""
        return self._running.device

    @property
    def note(self) -> str:
        """What the user should know, also why another engine runs."""
        return self._running.note


@dataclass(frozen=True)
class KnownEngine:
    """The facts of an engine; it may be on another machine, and another may have taken its place
    since.
    """

    name: str
    kind: Kind
    device: str
    note: str

    @classmethod
    def of(cls, engine: EngineFacts) -> Self:
        """What is to be known now."""
        return cls(engine.name, engine.kind, engine.device, engine.note)

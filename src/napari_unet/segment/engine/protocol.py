"""What every engine can do: run one network on windows, on any device and by any library."""

from dataclasses import dataclass
from typing import Protocol, Self

from napari_unet.model.torch_import import torch
from napari_unet.progress import GetControl, always_continue
from napari_unet.segment.engine.kinds import Kind


class EngineFacts(Protocol):
    """What describes an engine, here or on another machine.

    `name` holds library, version and device, for the result's metadata; `kind` and `device` decide
    the plan of memory; `note` is what the user should know, in sentences, or empty. All of them
    change when another engine takes over, from one window to the next.
    """

    @property
    def name(self) -> str:
        """Such as "torch 2.13.0 on cpu"."""

    @property
    def kind(self) -> Kind:
        """The library and the precision."""

    @property
    def device(self) -> str:
        """As torch writes it: "cpu", "cuda:0", "mps"."""

    @property
    def note(self) -> str:
        """What the user should know."""

    @property
    def reason(self) -> str:
        """Why this engine runs, in one sentence, where measurements have chosen it; or empty."""


class Engine(EngineFacts, Protocol):
    """Runs a network on one window after the other."""

    @property
    def threads(self) -> int | None:
        """With how many threads torch computes what belongs to a window besides, such as
        normalising it; None: with as many as are set.
        """

    @property
    def preparing_s(self) -> float:
        """Seconds that it has spent on preparing itself for shapes of windows, within `run`."""

    def run(self, window: torch.Tensor, control: GetControl = always_continue) -> torch.Tensor:
        """Probabilities (K, *window) float32, on the engine's device, of a normalised (C, *window)
        float32 on any device.

        A card may still be computing them when this returns. `control` is read inside a window too;
        raises `Stopped` or `Cancelled`, and `NotEnoughMemoryError`.
        """

    def fix_statistics(self, windows: torch.Tensor, control: GetControl = always_continue) -> None:
        """Let a network that normalises by instance use the statistics of these (N, C, *window) for
        all windows from now on; the same windows once more change nothing.

        `control` is read inside; raises `Stopped` or `Cancelled`, and `NotEnoughMemoryError`.
        """

    def fall_back(self) -> bool:
        """Let another engine take over where memory is not even enough for the smallest tile; False
        where there is none.
        """


class WrappedEngine:
    """An engine around another one, whose facts are those of the one that runs now."""

    def __init__(self, running: Engine) -> None:
        self._running = running

    @property
    def name(self) -> str:
        """The library with its version, and the device."""
        return self._running.name

    @property
    def kind(self) -> Kind:
        """The library and the precision."""
        return self._running.kind

    @property
    def device(self) -> str:
        """The device it computes on now."""
        return self._running.device

    @property
    def note(self) -> str:
        """What the user should know, also why another engine runs."""
        return self._running.note

    @property
    def reason(self) -> str:
        """Why it runs."""
        return self._running.reason

    @property
    def threads(self) -> int | None:
        """For what belongs to a window besides."""
        return self._running.threads

    @property
    def preparing_s(self) -> float:
        """Seconds spent on preparing."""
        return self._running.preparing_s


@dataclass(frozen=True)
class EngineSnapshot:
    """The facts of an engine at one moment, to be sent to another machine or kept when a fallback
    changes them.
    """

    name: str
    kind: Kind
    device: str
    note: str
    reason: str = ""

    @classmethod
    def of(cls, engine: EngineFacts) -> Self:
        """The facts as they are now."""
        return cls(engine.name, engine.kind, engine.device, engine.note, engine.reason)

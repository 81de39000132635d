"""What an engine that lets another run says of itself."""

from napari_unet.segment.engine.protocol import Engine
from napari_unet.segment.installed import Kind


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

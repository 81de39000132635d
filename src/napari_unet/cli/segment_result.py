"""What became of one image, for people and for --json."""

from dataclasses import dataclass, field
from pathlib import Path

from napari_unet.cli.outcome import MOST_NAME, tell
from napari_unet.errors import shortened
from napari_unet.words import plain

MERGE = "merge"


@dataclass
class Result:
    """What became of one image, as --json tells it."""

    image: str
    output: str
    probabilities: str | None = None
    axes: str = ""
    shape: list[int] = field(default_factory=list)
    spacing: list[float] = field(default_factory=list)
    unit: str = ""
    voxels: dict[str, int] = field(default_factory=dict)
    nonfinite: int = 0
    tiles: int = 0
    tiles_skipped: int = 0
    resumed: bool = False
    part: str | None = None
    engine: str | None = None
    memory_bytes: int | None = None
    seconds_estimated: float | None = None
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    error: str | None = None

    def note(self, sentence: str) -> None:
        """Add a note and show it; nothing where it is there already, or empty."""
        if sentence and sentence not in self.notes:
            self.notes.append(sentence)
            self.tell(sentence)

    def tell(self, sentence: str) -> None:
        """Say something of this image at the terminal."""
        tell(f"{shortened(Path(self.image).name, MOST_NAME)}: {shortened(sentence)}")

    @property
    def line(self) -> str:
        """The result in one line."""
        total = max(1, sum(self.voxels.values()))
        shares = ", ".join(
            f"{name} {count / total:.1%}" for name, count in list(self.voxels.items())[1:]
        )
        part = f"part {self.part}, " if self.part not in (None, MERGE) else ""
        before = (
            f", {self.tiles_skipped} of {self.tiles + self.tiles_skipped} tiles from before"
            if self.resumed
            else ""
        )
        return plain(f"{self.output}: {part}{shares} ({self.seconds:.1f} s{before})")

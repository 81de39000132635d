"""What became of one image, for people and for --json."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from napari_unet.cli.outcome import MOST_NAME, tell
from napari_unet.errors import shortened
from napari_unet.segment.tasks.task import Summary
from napari_unet.words import plain

MERGE = "merge"
NOTHING = Summary({}, {}, "")


@dataclass
class Result:
    """What became of one image."""

    image: str
    output: str
    probabilities: str | None = None
    axes: str = ""
    shape: list[int] = field(default_factory=list)
    spacing: list[float] = field(default_factory=list)
    unit: str = ""
    summary: Summary = field(default=NOTHING)
    nonfinite: int = 0
    tiles: int = 0
    tiles_skipped: int = 0
    resumed: bool = False
    part: str | None = None
    engine: str | None = None
    engine_reason: str | None = None
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

    def values(self) -> dict[str, Any]:
        """The result for --json; what the task counts besides voxels has keys of its own."""
        values = asdict(self)
        summary = values.pop("summary")
        return {**values, "voxels": summary["voxels"], **summary["others"]}

    @property
    def line(self) -> str:
        """The result in one line."""
        part = f"part {self.part}, " if self.part not in (None, MERGE) else ""
        before = (
            f", {self.tiles_skipped} of {self.tiles + self.tiles_skipped} tiles from before"
            if self.resumed
            else ""
        )
        why = f". {self.engine_reason}" if self.engine_reason else ""
        return plain(
            f"{self.output}: {part}{self.summary.text} ({self.seconds:.1f} s{before}){why}"
        )

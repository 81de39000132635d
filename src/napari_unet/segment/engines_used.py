"""Which engines made the tiles of a result: one, unless it failed on the way."""

from collections.abc import Sequence

from napari_unet.segment.stream import TileResult


class EnginesUsed:
    """The names of the engines in the order in which they ran, and what is to be known of the last."""

    def __init__(self, before: Sequence[str] = ()) -> None:
        """`before` are those of the tiles that another run has made."""
        self.names = list(dict.fromkeys(before))
        self._note: str | None = None

    def take(self, tile: TileResult) -> bool:
        """Take what a tile says; whether it is the first of its engine."""
        self._note = tile.engine_note
        return self.add(tile.engine)

    def add(self, name: str) -> bool:
        """Take the name of one that has run, here or elsewhere; whether it is new."""
        new = name not in self.names
        if new:
            self.names.append(name)
        return new

    @property
    def told(self) -> str:
        """Their names, as one text."""
        return ", then ".join(self.names)

    def facts(self) -> dict[str, str]:
        """What of a run's facts can only be said at its end; nothing where no tile was made."""
        note = {} if self._note is None else {"engine_note": self._note}
        return {"engine": self.told, **note} if self.names else {}

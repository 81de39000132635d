"""Kinds of files by name and content, of which the tables of image and model formats are made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class FileFormat:
    """What the names of files of one kind end in, and how the files begin.

    Suffixes are in lower case, the usual one first; one that ends in another, such as .ome.tif, is
    a variant of it. A file is of this format if one of the `signatures` stands in it,
    `signature_at` bytes from its beginning.
    """

    name: str
    suffixes: tuple[str, ...]
    signatures: tuple[bytes, ...] = ()
    signature_at: int = 0

    @property
    def usual_suffixes(self) -> tuple[str, ...]:
        """The suffixes that are no variants of another one."""
        return tuple(
            suffix
            for suffix in self.suffixes
            if not any(suffix != other and suffix.endswith(other) for other in self.suffixes)
        )

    @property
    def patterns(self) -> str:
        """The usual suffixes as file dialogs want them: "*.tif *.tiff"."""
        return " ".join(f"*{suffix}" for suffix in self.usual_suffixes)

    def has_name(self, name: str) -> bool:
        """Whether a name ends as those of files of this format do."""
        return name.lower().endswith(self.suffixes)

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins like this is of this format."""
        return head[self.signature_at :].startswith(self.signatures)


def without_suffix(path: Path, formats: Iterable[FileFormat]) -> str:
    """The name without its suffix, such as .tif or .ome.tif; if unknown, what follows the dot."""
    name = path.name.lower()
    found = [s for known in formats for s in known.suffixes if name.endswith(s)]
    return path.name[: -max(map(len, found))] if found else path.stem


def beginning_of(path: Path, formats: Sequence[FileFormat]) -> bytes:
    """The beginning of a file, as far as the signatures of these formats go."""
    ends = (known.signature_at + len(begin) for known in formats for begin in known.signatures)
    length = max(ends, default=1)
    with path.open("rb") as file:
        return file.read(length)

"""Every stroke of a correction, kept in a file of the user's own: the labels once, then what
changed, block by block.

A journal knows the image that it belongs to by its shape, dtype, axes and a hash of some of its
pixels. Records are in the order in which they were seen, so that reading them in order gives the
last state.
"""

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import ScanError
from napari_unet.files.append_only import AppendOnly, read_records
from napari_unet.files.names import unusual_kind
from napari_unet.learn.data.corrections import Corrections
from napari_unet.scans.identity import ScanIdentity

HEADER = b"H"
LABELS = b"L"
STROKE = b"S"
MARK = b"M"
WHOLE = b"W"
CLOSED = b"C"
VERSION = 1
MOST_VOXELS = 2**40
# what a record that is whole, and yet none of ours, raises where it is taken apart
DAMAGED = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    OverflowError,
    RecursionError,
)

Box = tuple[slice, ...]


@dataclass(frozen=True)
class JournalHeader:
    """What a journal says of itself: the image, the labels, and who wrote it when."""

    scan: ScanIdentity
    shape: tuple[int, ...]
    dtype: str
    name: str
    classes: tuple[tuple[str, str], ...] = ()
    not_done: str = ""  # the done-map of an unfinished result, packed by who writes it
    begun: float = 0.0
    process: tuple[int, float] = (0, 0.0)
    more: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Recovered:
    """What a journal has kept; `whole` says that labels outside the strokes are known too, `closed`
    that napari was closed properly.

    `pieces` and `strokes` are the boxes whose labels are known, from before the painting and since.
    """

    header: JournalHeader
    labels: np.ndarray
    trust: np.ndarray
    whole: bool
    closed: bool
    pieces: tuple[Box, ...] = ()
    strokes: tuple[Box, ...] = ()

    @property
    def corrections(self) -> Corrections:
        """What is trusted."""
        return Corrections(self.labels, self.trust)


class StrokeJournal:
    """Writes one journal; raises `OutputError` where that is not possible."""

    def __init__(self, path: Path, header: JournalHeader) -> None:
        self._file = AppendOnly(path)
        self._file.append(HEADER + json.dumps({"version": VERSION, **asdict(header)}).encode())

    @property
    def path(self) -> Path:
        """Where it is."""
        return self._file.path

    def labels(self, box: Box, labels: np.ndarray) -> None:
        """Keep labels as they were before anything was painted, piece by piece."""
        self._append(LABELS, box, labels)

    def all_labels_are_kept(self) -> None:
        """There are no more pieces."""
        self._file.append(WHOLE)

    def stroke(self, box: Box, labels: np.ndarray, trust: np.ndarray) -> None:
        """Keep what a box holds now."""
        self._append(STROKE, box, labels, trust)

    def mark(self, box: Box, value: int) -> None:
        """Keep that all of a box has this trust now."""
        self._append(MARK, box, np.array([value], np.uint8))

    def flush(self) -> None:
        """Have the disk keep it."""
        self._file.flush()

    def close(self) -> None:
        """End as one should."""
        self._file.append(CLOSED)
        self._file.flush()
        self._file.close()

    def _append(self, kind: bytes, box: Box, *arrays: np.ndarray) -> None:
        place = json.dumps([[part.start, part.stop] for part in box]).encode()
        body = zlib.compress(b"".join(np.ascontiguousarray(array).tobytes() for array in arrays), 1)
        self._file.append(kind + len(place).to_bytes(2, "little") + place + body)


def read_journal_header(path: Path) -> JournalHeader | None:
    """What a journal says of itself; None for a file that is none."""
    if unusual_kind(path):
        return None
    try:
        first = next(read_records(path), b"")
        return _header(first) if first[:1] == HEADER else None
    except (OSError, *DAMAGED):
        return None


def read_journal(
    path: Path, make: Callable[[Sequence[int], np.dtype], np.ndarray] = np.zeros
) -> Recovered:
    """Play a journal; everything before a torn end is there, and a damaged record costs itself
    alone. `make` gives the arrays.

    Raises `ScanError` for a file that is no journal, or one that memory is not enough for.
    """
    if (header := read_journal_header(path)) is None:
        raise ScanError(f"{path.name} holds no strokes that can be read.")
    try:
        labels = make(header.shape, np.dtype(header.dtype))
        trust = make(header.shape, np.dtype(np.uint8))
    except (MemoryError, ValueError) as error:
        raise ScanError(
            f"{path.name} says that its labels have the shape {header.shape}, for which memory is "
            "not enough. It is damaged, or belongs to a larger machine."
        ) from error
    known: dict[bytes, dict[bytes, Box]] = {kind: {} for kind in (LABELS, STROKE, MARK)}
    kinds = set()
    for record in read_records(path):
        kinds.add(record[:1])
        if record[:1] in known and (box := _played(record, labels, trust)) is not None:
            known[record[:1]][_place(record)] = box
    pieces, strokes = (tuple(known[kind].values()) for kind in (LABELS, STROKE))
    return Recovered(header, labels, trust, WHOLE in kinds, CLOSED in kinds, pieces, strokes)


def _played(record: bytes, labels: np.ndarray, trust: np.ndarray) -> Box | None:
    """Do what a record says; the box that it is about, None where it is damaged."""
    try:
        return _play(record, labels, trust)
    except (*DAMAGED, zlib.error):
        return None


def _play(record: bytes, labels: np.ndarray, trust: np.ndarray) -> Box:
    kind = record[:1]
    size = len(_place(record))
    box = _box(json.loads(_place(record)), labels.shape)
    shape = tuple(part.stop - part.start for part in box)
    if kind == MARK:
        trust[box] = zlib.decompressobj().decompress(record[3 + size :], 1)[0]
        return box
    voxels = prod(shape)
    wanted = voxels * (labels.itemsize + (kind == STROKE))
    body = zlib.decompressobj().decompress(record[3 + size :], wanted)
    split = voxels * labels.itemsize
    labels[box] = np.frombuffer(body[:split], labels.dtype).reshape(shape)
    if kind == STROKE:
        trust[box] = np.frombuffer(body[split:], np.uint8).reshape(shape)
    return box


def _box(ends: Any, shape: tuple[int, ...]) -> Box:
    """The box from its ends; raises `ValueError` where it does not lie within the shape, or is
    empty.
    """
    box = tuple(slice(int(first), int(last)) for first, last in ends)
    inside = len(box) == len(shape) and all(
        0 <= part.start < part.stop <= n for part, n in zip(box, shape, strict=False)
    )
    if not inside:
        raise ValueError(f"{ends} is no part of {shape}")
    return box


def _place(record: bytes) -> bytes:
    return record[3 : 3 + int.from_bytes(record[1:3], "little")]


def _header(record: bytes) -> JournalHeader:
    said = json.loads(record[1:])
    if said.pop("version") != VERSION:
        raise ValueError("another version")
    scan = said.pop("scan")
    header = JournalHeader(
        scan=ScanIdentity(
            tuple(scan["shape"]), str(scan["dtype"]), str(scan["axes"]), str(scan["sha256"])
        ),
        shape=tuple(int(n) for n in said.pop("shape")),
        classes=tuple((str(name), str(colour)) for name, colour in said.pop("classes")),
        process=(int(said["process"][0]), float(said.pop("process")[1])),
        **said,
    )
    if (
        not header.shape
        or min(header.shape) < 1
        or prod(header.shape) > MOST_VOXELS
        or np.dtype(header.dtype).kind not in "iu"
    ):
        raise ValueError("not labels")
    _check_types(header)
    return header


def _check_types(header: JournalHeader) -> None:
    """Raise `TypeError` where a value is of another kind than it is written as."""
    wanted = ((header.name, str), (header.not_done, str), (header.more, dict))
    if not all(isinstance(value, kind) for value, kind in wanted):
        raise TypeError("values of other kinds")
    float(header.begun)

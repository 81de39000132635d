"""Every stroke of a correction, stored in a file that the user alone can read: the labels once,
then what changed, block by block.

A journal knows the image that it belongs to by its shape, dtype, axes and a hash of some of its
pixels. Its records are in the order of the edits, so that applying them in order gives the last
state.
"""

import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from napari_unet.errors import OutputError, ScanError
from napari_unet.files.append_only import (
    DAMAGED_RECORD,
    RECORD,
    AppendOnly,
    Data,
    read_all_records,
    read_records,
)
from napari_unet.files.moves import discard
from napari_unet.files.names import unusual_kind
from napari_unet.learn.data.corrections import TRUST_DTYPE, Corrections
from napari_unet.scans.identity import ScanIdentity

# the first byte of a record says what it holds
HEADER = b"H"  # the header, as JSON
LABELS = b"L"  # the labels of a box before anything was painted
STROKE = b"S"  # the labels and the trust of a box
MARK = b"M"  # one value of trust for a whole box
WHOLE = b"W"  # the labels of before are complete
CLOSED = b"C"  # napari was closed properly
VERSION = 1
MOST_VOXELS = 2**40
BOX_START = 3  # in a record of a box: its kind, and the length of what follows in two bytes
LONGEST_DTYPE = 16  # characters; numpy takes a longer text apart, and may raise a `SyntaxError`

Box = tuple[slice, ...]


@dataclass(frozen=True)
class JournalHeader:
    """What a journal belongs to: the image, the labels, and which process wrote it when."""

    scan: ScanIdentity
    shape: tuple[int, ...]
    dtype: str
    name: str
    classes: tuple[tuple[str, str], ...] = ()
    not_done: str = ""  # the done-map of an unfinished result, packed by who writes it
    begun: float = 0.0
    process: tuple[int, float] = (0, 0.0)


@dataclass(frozen=True)
class Recovered:
    """What a journal holds; `whole` says that labels outside the strokes are known too, `closed`
    that napari was closed properly.

    `pieces` and `strokes` are the boxes whose labels are known, from before the painting and since.
    `unread` is how many strokes are damaged and could not be read.
    """

    header: JournalHeader
    labels: np.ndarray
    trust: np.ndarray
    whole: bool
    closed: bool
    pieces: tuple[Box, ...] = ()
    strokes: tuple[Box, ...] = ()
    unread: int = 0

    @property
    def corrections(self) -> Corrections:
        """The labels and their trust, as a training takes them."""
        return Corrections(self.labels, self.trust)


class StrokeJournal:
    """Writes one journal; raises `OutputError` where that is not possible."""

    def __init__(self, path: Path, header: JournalHeader) -> None:
        self._file = AppendOnly(path)
        try:
            self._file.append(HEADER + json.dumps({"version": VERSION, **asdict(header)}).encode())
        except OutputError:
            self._file.close()
            discard(path)  # an empty file would be of no use
            raise

    @property
    def path(self) -> Path:
        """The file of the journal."""
        return self._file.path

    def labels(self, box: Box, labels: np.ndarray) -> None:
        """Store labels as they were before anything was painted, one box after the other."""
        self._append(LABELS, box, labels)

    def mark_labels_complete(self) -> None:
        """Note that the labels of before are complete."""
        self._file.append(WHOLE)

    def stroke(self, box: Box, labels: np.ndarray, trust: np.ndarray) -> None:
        """Store the labels and the trust that a box holds now."""
        self._append(STROKE, box, labels, trust)

    def mark(self, box: Box, value: int) -> None:
        """Store that all of a box has this trust now."""
        self._append(MARK, box, np.array([value], TRUST_DTYPE))

    def flush(self) -> None:
        """Force what was written onto the disk, where a crash of the system can not lose it."""
        self._file.flush()

    def close(self) -> None:
        """End the journal, with a mark that nothing is missing."""
        self._file.append(CLOSED)
        self._file.flush()
        self._file.close()

    def _append(self, kind: bytes, box: Box, *arrays: np.ndarray) -> None:
        written_box = json.dumps([[part.start, part.stop] for part in box]).encode()
        body = b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
        length = len(written_box).to_bytes(2, "little")
        # level 1: strokes are written while the user paints
        self._file.append(kind + length + written_box + zlib.compress(body, 1))


def read_journal_header(path: Path) -> JournalHeader | None:
    """The header of a journal; None for a file that is none."""
    if unusual_kind(path):
        return None
    try:
        first = next(read_records(path), b"")
        return _header(first) if first[:1] == HEADER else None
    except (OSError, *DAMAGED_RECORD):
        return None


def read_stroke_journal(
    path: Path, make: Callable[[Sequence[int], np.dtype], np.ndarray] = np.zeros
) -> Recovered:
    """Apply all whole records of a journal, and count those that are damaged, or torn as a crash
    leaves the last one. `make` gives the arrays.

    Raises `ScanError` for a file that is no journal, or one that memory is not enough for.
    """
    if (header := read_journal_header(path)) is None:
        raise ScanError(f"{path.name} holds no strokes that can be read.")
    try:
        labels = make(header.shape, np.dtype(header.dtype))
        trust = make(header.shape, TRUST_DTYPE)
    except (MemoryError, ValueError) as error:
        raise ScanError(
            f"{path.name} says that its labels have the shape {header.shape}, for which memory is "
            "not enough. It is damaged, or belongs to a larger machine."
        ) from error
    # by kind and by the bytes of a box, so that a box that was painted often is there once
    boxes: dict[bytes, dict[bytes, Box]] = {kind: {} for kind in (LABELS, STROKE, MARK)}
    kinds = set()
    unread = 0
    whole = False
    for record in read_all_records(path, _candidates):
        kind = b"" if record is None else record[:1]
        kinds.add(kind)
        if kind == WHOLE:
            whole = not unread  # what is damaged before may be labels of before
        elif record is None or kind in boxes:
            box = None if record is None else _apply_if_whole(record, labels, trust)
            if record is None or box is None:
                unread += 1
            else:
                boxes[kind][_written_box(record)] = box
    pieces = tuple(boxes[LABELS].values())
    strokes = tuple(boxes[STROKE].values())
    return Recovered(header, labels, trust, whole, CLOSED in kinds, pieces, strokes, unread)


def _candidates(data: Data, start: int) -> Iterator[int]:
    """Where a record of a box may begin, from a position on: its box is a list of lists."""
    before = RECORD.size + BOX_START
    at = start + before - 1
    while (at := data.find(b"[[", at + 1)) >= 0:
        if data[at - BOX_START : at - BOX_START + 1] in (LABELS, STROKE, MARK):
            yield at - before


def _apply_if_whole(record: bytes, labels: np.ndarray, trust: np.ndarray) -> Box | None:
    """Apply a record to the arrays; the box that it changed, None where the record is damaged."""
    try:
        return _apply(record, labels, trust)
    except (*DAMAGED_RECORD, zlib.error):
        return None


def _apply(record: bytes, labels: np.ndarray, trust: np.ndarray) -> Box:
    kind = record[:1]
    written_box = _written_box(record)
    packed = record[BOX_START + len(written_box) :]
    box = _box_inside(json.loads(written_box), labels.shape)
    if kind == MARK:
        trust[box] = zlib.decompressobj().decompress(packed, 1)[0]
        return box
    shape = tuple(part.stop - part.start for part in box)
    voxels = prod(shape)
    wanted = voxels * (labels.itemsize + (kind == STROKE))
    # no more than the box holds, however much a damaged record would unpack to
    body = zlib.decompressobj().decompress(packed, wanted)
    split = voxels * labels.itemsize
    labels[box] = np.frombuffer(body[:split], labels.dtype).reshape(shape)
    if kind == STROKE:
        trust[box] = np.frombuffer(body[split:], TRUST_DTYPE).reshape(shape)
    return box


def _box_inside(ends: Any, shape: tuple[int, ...]) -> Box:
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


def _written_box(record: bytes) -> bytes:
    return record[BOX_START : BOX_START + int.from_bytes(record[1:BOX_START], "little")]


def _header(record: bytes) -> JournalHeader:
    values = json.loads(record[1:])
    if values.pop("version") != VERSION:
        raise ValueError("another version")
    values.pop("more", None)  # never held anything
    scan = values.pop("scan")
    header = JournalHeader(
        scan=ScanIdentity(
            tuple(scan["shape"]), str(scan["dtype"]), str(scan["axes"]), str(scan["sha256"])
        ),
        shape=tuple(int(n) for n in values.pop("shape")),
        classes=tuple((str(name), str(colour)) for name, colour in values.pop("classes")),
        process=(int(values["process"][0]), float(values.pop("process")[1])),
        **values,
    )
    if (
        not header.shape
        or min(header.shape) < 1
        or prod(header.shape) > MOST_VOXELS
        or len(header.dtype) > LONGEST_DTYPE
        or np.dtype(header.dtype).kind not in "iu"
    ):
        raise ValueError("not labels")
    _check_types(header)
    return header


def _check_types(header: JournalHeader) -> None:
    """Raise `TypeError` where a value is of another kind than it is written as."""
    wanted = ((header.name, str), (header.not_done, str))
    if not all(isinstance(value, kind) for value, kind in wanted):
        raise TypeError("values of other kinds")
    float(header.begun)

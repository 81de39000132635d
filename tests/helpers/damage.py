"""Files as they come from damaged disks and from people who mean harm: random changes of bytes, of
JSON, and of records whose check sums are right.
"""

import json
import random
import struct
import zlib
from typing import Any

ODD_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 2**31, 2**63, 10**30, 1e308, -1e-320, float("nan"), float("inf"), "", "x",
    "\x1b[2J<img src=x>", "9" * 5000, [], [[]], {}, {"a": {}}, [1, 2], ["x"], [0.5] * 5000,
)  # fmt: skip


def damaged_bytes(data: bytes, chance: random.Random) -> bytes:
    """The bytes with one to four changes: some flipped, cut off, taken out, put in or repeated."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(changed) + 1)
        length = chance.choice((1, 1, 2, 8, 100))
        what = chance.randrange(5)
        if what == 0 and at < len(changed):
            changed[at] ^= 1 << chance.randrange(8)
        elif what == 1:
            del changed[at:]
        elif what == 2:
            del changed[at : at + length]
        elif what == 3:
            changed[at:at] = chance.randbytes(length)
        else:
            changed[at:at] = changed[at : at + length]
    return bytes(changed)


def damaged_json(values: Any, chance: random.Random) -> Any:
    """The values with one of them, at any depth, replaced, removed or called otherwise."""
    changed = json.loads(json.dumps(values))
    holder = changed
    while True:
        keys = list(holder) if isinstance(holder, dict) else list(range(len(holder)))
        if not keys:
            return chance.choice(ODD_VALUES)
        key = chance.choice(keys)
        if isinstance(holder[key], (dict, list)) and holder[key] and chance.random() < 0.7:
            holder = holder[key]
            continue
        break
    what = chance.randrange(5)
    if what == 0:
        del holder[key]
    elif what == 1 and isinstance(holder, dict):
        holder[f"{key}x"] = holder.pop(key)
    elif what == 2 and isinstance(holder, list):
        holder.extend(holder * chance.choice((1, 50)))
    else:
        holder[key] = chance.choice(ODD_VALUES)
    return changed


def damaged_model(data: bytes, chance: random.Random) -> bytes:
    """A model file with damaged bytes, a damaged header, or a damaged spec in its header."""
    if chance.random() < 0.3:
        return damaged_bytes(data, chance)
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    if chance.random() < 0.6:
        spec = json.loads(header["__metadata__"]["napari_unet"])
        header["__metadata__"]["napari_unet"] = json.dumps(damaged_json(spec, chance))
    else:
        header = damaged_json(header, chance)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


def damaged_records(records: list[bytes], chance: random.Random) -> bytes:
    """A journal with damaged bytes, or with records that are damaged and have the right sums."""
    changed = list(records)
    if chance.random() < 0.7:
        at = chance.randrange(len(changed))
        changed[at] = _damaged_record(changed[at], chance)
    data = b"".join(struct.pack("<II", len(r), zlib.crc32(r)) + r for r in changed)
    return data if changed != records else damaged_bytes(data, chance)


def _damaged_record(record: bytes, chance: random.Random) -> bytes:
    kind = record[:1] if record[:1].isupper() else b""
    if chance.random() < 0.5:
        try:
            return kind + json.dumps(damaged_json(json.loads(record[len(kind) :]), chance)).encode()
        except ValueError:
            pass  # it holds more than JSON
    return damaged_bytes(record, chance)

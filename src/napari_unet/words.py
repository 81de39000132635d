"""Words for people, each made in one place: durations, sizes, pixel sizes, colours, plurals; and
text of files, made fit to be shown.
"""

import unicodedata
from collections.abc import Iterable, Sequence

MICROMETRE = "µm"
UNITS = {"um": MICROMETRE, "pixel": "px"}
MB = 2**20
GB = 2**30
JOINERS = "\u200c\u200d"  # some scripts can not be written without them
OBEYED = {"Cc", "Cf", "Cs", "Zl", "Zp"}  # controls, directions, surrogates, line ends
WORD_JOINER = "\u2060"  # has no width


def duration(seconds: float, exact: bool = False) -> str:
    """Seconds, minutes or hours: "45 s", "3 min", "2.5 h".

    Under 90 seconds a guess is rounded, to 5 seconds from 20 on, since it is no better than that;
    what was measured is `exact` to a tenth.
    """
    if seconds < 90:
        return f"{seconds:.1f} s" if exact else f"{_rounded(seconds)} s"
    return f"{round(seconds / 60)} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def _rounded(seconds: float) -> int:
    return max(1, round(seconds)) if seconds < 20 else 5 * round(seconds / 5)


def data_size(count: float) -> str:
    """A number of bytes: "1.1 GB", "12 MB"; a GB is 2³⁰ bytes, as Windows shows it."""
    return f"{count / GB:.1f} GB" if count >= GB / 10 else f"{max(1, round(count / MB))} MB"


def pixel_size(lengths: Sequence[float], unit: str = "") -> str:
    """The size of a pixel or voxel: "2 × 0.5 × 0.5 µm", or "0.5 µm" where all are the same."""
    shown = lengths if len(set(lengths)) > 1 else lengths[:1]
    return f"{by_axis(shown)} {unit_name(unit)}".strip()


def by_axis(lengths: Sequence[float]) -> str:
    """One length for each axis, whether they differ or not: "1 × 0.5 × 0.5"."""
    return " × ".join(_short(length) for length in lengths)


def _short(length: float) -> str:
    return f"{length:.0f}" if length >= 1000 else f"{length:.4g}"


def unit_name(unit: str) -> str:
    """A unit as people write it: "µm" for "um"."""
    return UNITS.get(unit, unit)


def hex_colour(parts: Sequence[float]) -> str:
    """A colour as #rrggbb, from red, green and blue between 0 and 1; an alpha is left out."""
    return "#" + "".join(f"{round(255 * float(part)):02x}" for part in parts[:3])


def short_count(number: int) -> str:
    """A large number in a few characters: "999", "12 k", "1.9 M"."""
    if number < 1000:
        return str(number)
    return f"{number / 1e6:.1f} M" if number >= 100_000 else f"{number / 1e3:.0f} k"


def plural(number: int, noun: str, many: str = "") -> str:
    """A number with its noun: "1 slice", "41,200 voxels"; `many` where an s is not enough."""
    return f"{number:,} {noun if number == 1 else many or noun + 's'}"


def one_of(choices: Iterable[str]) -> str:
    """Several choices in a sentence: "TIFF, PNG or zarr"."""
    *others, last = choices
    return f"{', '.join(others)} or {last}" if others else last


def all_of(things: Iterable[str]) -> str:
    """What goes together, for people: "0, 1 and 255"."""
    *first, last = things
    return f"{', '.join(first)} and {last}" if first else last


def some(names: Sequence[str], most: int = 3) -> str:
    """The first of many names: "a, b, c and 4 more"."""
    more = len(names) - most
    return all_of(names) if more <= 0 else f"{', '.join(names[:most])} and {more} more"


def plain(text: str) -> str:
    """The text in one line; what a terminal would obey (escape sequences, line breaks, directions
    of writing) is written out as \\x1b or \\n.
    """
    return "".join(letter if _is_shown(letter) else _written_out(letter) for letter in text)


def plain_lines(text: str) -> str:
    """Every line of a text as `plain` gives it; the line breaks stay."""
    return "\n".join(plain(line) for line in text.split("\n"))


def never_html(text: str) -> str:
    """The text as Qt draws it where it would guess whether a text is HTML: an invisible character
    makes no tag of "<img>"; `without_guard` takes it away again.
    """
    text = without_guard(text)  # never twice
    return text.replace("<", f"<{WORD_JOINER}").replace("&", f"&{WORD_JOINER}")


def without_guard(text: str) -> str:
    """What the text was before `never_html`."""
    return text.replace(f"<{WORD_JOINER}", "<").replace(f"&{WORD_JOINER}", "&")


def _is_shown(letter: str) -> bool:
    return letter in JOINERS or unicodedata.category(letter) not in OBEYED


def _written_out(letter: str) -> str:
    return letter.encode("unicode_escape", "surrogatepass").decode("ascii")

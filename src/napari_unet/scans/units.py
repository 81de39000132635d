"""Lengths in micrometres, from the units in files; resolutions for printing are recognised."""

PRINT_UM = 10.0  # 300 dots per inch are 85 µm, 2,540 are 10 µm
INCH_UM = 25_400.0
PRINT_UNITS = (
    "inch",
    "inches",
    "in",
    "cm",
    "centimeter",
    "centimeters",
    "centimetre",
    "centimetres",
)

_METRES = {"pico": 1e-6, "nano": 1e-3, "micro": 1.0, "milli": 1e3, "centi": 1e4, "": 1e6}
_SHORT = {"pm": 1e-6, "nm": 1e-3, "um": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
_UM = {
    **_SHORT,
    **{f"{prefix}{metre}": um for prefix, um in _METRES.items() for metre in ("meter", "metre")},
    **{f"{prefix}{metre}": um for prefix, um in _METRES.items() for metre in ("meters", "metres")},
    # micro sign, Greek mu, a micro sign read in a wrong encoding, and one that ImageJ has escaped
    **dict.fromkeys(("µm", "μm", "âµm", "\\u00b5m", "µ", "μ", "u", "mu"), 1.0),
    **dict.fromkeys(("micron", "microns", "micro"), 1.0),
    **dict.fromkeys(("å", "a", "angstrom", "angstroms"), 1e-4),
    **dict.fromkeys(("inch", "inches", "in"), INCH_UM),
}


def to_um(length: float, unit: str) -> float | None:
    """A length in micrometres; None if it is zero or not finite, or the unit is none of length.

    A negative length only says that an axis runs backwards: it becomes positive.
    """
    factor = _UM.get(str(unit).strip().lower())
    if factor is None or not 0 < abs(length) < float("inf"):
        return None
    return abs(length) * factor


def is_for_print(unit: str) -> bool:
    """Whether a resolution in that unit is most often that of a printer or a screen."""
    return str(unit).strip().lower() in PRINT_UNITS


def pixel_um(per_unit: float, unit: str) -> float | None:
    """The pixel size that a resolution means; None if it is so coarse (10 µm or more) that it is
    for printing.
    """
    size = to_um(1 / per_unit, unit) if per_unit else None
    return size if size is not None and size < PRINT_UM else None

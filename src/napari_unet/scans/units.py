"""Lengths as files write them, in micrometres."""

PRINT_UM = 10.0
INCH_UM = 25_400.0

_UM = {
    "pm": 1e-6, "picometer": 1e-6,
    "å": 1e-4, "angstrom": 1e-4, "a": 1e-4,
    "nm": 1e-3, "nanometer": 1e-3, "nanometre": 1e-3,
    "um": 1.0, "µm": 1.0, "μm": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0, "\\u00b5m": 1.0,
    "mm": 1e3, "millimeter": 1e3, "millimetre": 1e3,
    "cm": 1e4, "centimeter": 1e4, "centimetre": 1e4,
    "inch": INCH_UM, "in": INCH_UM,
    "m": 1e6, "meter": 1e6, "metre": 1e6,
}  # fmt: skip


def to_um(length: float, unit: str) -> float | None:
    """A length in micrometres; None where it is not positive and finite or the unit is no length."""
    factor = _UM.get(str(unit).strip().lower())
    if factor is None or not 0 < length < float("inf"):
        return None
    return length * factor


def pixel_um(per_unit: float, unit: str) -> float | None:
    """The pixel size behind a resolution; None for one so coarse (10 µm or more) that it is meant
    for printing.
    """
    size = to_um(1 / per_unit, unit) if per_unit > 0 else None
    return size if size is not None and size < PRINT_UM else None

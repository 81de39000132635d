"""A few of many, from all over a sequence."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def evenly_chosen(values: Sequence[T], most: int) -> list[T]:
    """At most so many of the values, the first and the last among them, the others evenly between.

    The same input gives the same choice.
    """
    count = min(most, len(values))
    positions = np.linspace(0, len(values) - 1, count).round().astype(int)
    return [values[n] for n in positions]

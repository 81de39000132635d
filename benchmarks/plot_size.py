"""Draw docs/pictures/size.svg: time and memory against the size of a scan, from the stored results
of `size.py`.

python benchmarks/plot_size.py
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from store import RESULTS

PICTURE = Path(__file__).parent.parent / "docs" / "pictures" / "size.svg"
WIDTH = 820
HEIGHT = 330
LEFT = 70
TOP = 50
PANEL_WIDTH = 300
PANEL_HEIGHT = 210
GAP = 90
SERIES = {"2d": ("2D, exact", "#2a6fb5"), "3d": ("3D", "#d97b13")}
PANELS = (
    ("time, ns per pixel or voxel", "ns per voxel", None),
    ("peak memory above the loaded program, GB", "peak memory above the loaded program, GB", 3.0),
)
RAISED = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")
Point = tuple[float, float]


@dataclass(frozen=True)
class Panel:
    """Where a panel lies, and which values its axes span: voxels by decades, and from 0."""

    left: float
    decades: tuple[int, int]
    most: float

    def at(self, voxels: float, value: float) -> Point:
        """A point of the picture."""
        first, last = self.decades
        return (
            self.left + PANEL_WIDTH * (math.log10(voxels) - first) / (last - first),
            TOP + PANEL_HEIGHT * (1 - value / self.most),
        )


def main() -> None:
    """Two panels beside each other."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("size-*.json"))]
    parts = [panel(number, results, *what) for number, what in enumerate(PANELS)]
    body = "\n".join([f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>', *parts])
    size = f'width="{WIDTH}" height="{HEIGHT}"'
    style = 'font-family="sans-serif" font-size="12"'
    PICTURE.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" {size} {style}>\n{body}\n</svg>\n')


def panel(
    number: int, results: Sequence[dict], title: str, figure: str, bound: float | None
) -> str:
    """One figure of all sizes, a line for each kind of scan."""
    lines = {kind: points(results, kind, figure) for kind in SERIES}
    every = [point for line in lines.values() for point in line]
    decades = (
        math.floor(math.log10(min(v for v, _ in every))),
        math.ceil(math.log10(max(v for v, _ in every))),
    )
    found = Panel(
        LEFT + number * (PANEL_WIDTH + GAP), decades, 1.15 * max(value for _, value in every)
    )
    parts = [
        text(found.left + PANEL_WIDTH / 2, TOP - 22, title, "middle", weight="bold"),
        frame(found),
    ]
    if bound is not None and bound < found.most:
        (_, height) = found.at(10 ** decades[0], bound)
        parts.append(
            stroke(
                [(found.left, height), (found.left + PANEL_WIDTH, height)], "#999999", dashes="4 3"
            )
        )
    parts += [drawn(found, line, *SERIES[kind]) for kind, line in lines.items() if line]
    return "\n".join(parts)


def points(results: Sequence[dict], kind: str, figure: str) -> list[Point]:
    """Voxels of each scan of a kind, and its figure."""
    rows = [result["figures"] for result in results if result["row"].startswith(f"size-{kind}-")]
    return sorted(
        (math.prod(map(int, row["scan"].split(" x "))), float(row[figure])) for row in rows
    )


def drawn(panel: Panel, line: Sequence[Point], name: str, colour: str) -> str:
    """A line with its points, and its name at the last of them."""
    drawn_at = [panel.at(*point) for point in line]
    dots = [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}"/>' for x, y in drawn_at]
    return "\n".join(
        [
            stroke(drawn_at, colour),
            *dots,
            text(drawn_at[-1][0], drawn_at[-1][1] - 10, name, "end", colour),
        ]
    )


def frame(panel: Panel) -> str:
    """The axes: voxels by decades below, values at the left."""
    first, last = panel.decades
    bottom = TOP + PANEL_HEIGHT
    right = panel.left + PANEL_WIDTH
    parts = [stroke([(panel.left, TOP), (panel.left, bottom), (right, bottom)], "#333333")]
    for decade in range(first, last + 1):
        x, _ = panel.at(10**decade, 0)
        parts.append(text(x, bottom + 18, f"10{str(decade).translate(RAISED)}", "middle"))
    for value in ticks(panel.most):
        _, y = panel.at(10**first, value)
        parts += [
            text(panel.left - 8, y + 4, f"{value:g}", "end"),
            stroke([(panel.left, y), (right, y)], "#e5e5e5"),
        ]
    return "\n".join(
        [
            *parts,
            text(
                panel.left + PANEL_WIDTH / 2, bottom + 40, "pixels or voxels of the scan", "middle"
            ),
        ]
    )


def ticks(most: float) -> list[float]:
    """About five round values from 0."""
    step = next(step for step in _steps() if most / step <= 6)
    return [step * number for number in range(int(most / step) + 1)]


def _steps() -> Sequence[float]:
    return [digit * 10.0**power for power in range(-2, 6) for digit in (1, 2, 5)]


def stroke(line: Sequence[Point], colour: str, dashes: str = "") -> str:
    """A line through points of the picture."""
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in line)
    dashed = f" stroke-dasharray={dashes!r}" if dashes else ""
    style = f'fill="none" stroke="{colour}" stroke-width="1.5"{dashed}'
    return f'<polyline points="{path}" {style}/>'


def text(
    x: float, y: float, words: str, anchor: str, colour: str = "#333333", weight: str = "normal"
) -> str:
    """Words at a point of the picture."""
    style = f'text-anchor="{anchor}" fill="{colour}" font-weight="{weight}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{words}</text>'


if __name__ == "__main__":
    main()

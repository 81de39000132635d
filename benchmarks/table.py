"""Write docs/benchmarks.md from the stored results.

python benchmarks/table.py
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from store import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
SIZES = "Time and memory against the size of a scan"
SECTIONS = {
    "Built-in models": ("builtin-",),
    "Does a model fit an image?": ("model-fit",),
    "Images with faults": ("spoilt",),
    "Learning one's own scan": ("learn-scan-",),
    "Learning from scratch": (
        "isbi2012-",
        "learn-isbi2012-",
        "learn-hippocampus-",
        "learn-neurons-",
    ),
    "Learning from corrections": ("axons-loop-", "annotator-"),
    "What is forgotten": ("forgetting-",),
    "The gate: which new models are accepted": ("gate",),
    "The speed of training, and the cost of augmentation": ("train-speed", "augment"),
    "Throughput, and labels that tiling changes": ("throughput-", "engine-", "instance-"),
    "On an NVIDIA card": ("gpu-",),
    SIZES: ("size-",),
    "Runs that are killed, or done in parts": ("interrupted", "kill-painting"),
    "The window while it works": ("heartbeat-", "first-tile-"),
    "Until one can begin": ("startup",),
}
PLOTS = {SIZES: "![Time per voxel, and peak memory, against the size](pictures/size.svg)\n"}
AIMS = json.loads((Path(__file__).parent / "aims.json").read_text(encoding="utf-8"))
Figure = tuple[str, Sequence[str]]  # a row, and where in its figures
INTRODUCTION = """# Benchmarks

Written by `python benchmarks/table.py` from the results in `benchmarks/results`; each row was made
by the command beside it, on the machine and commit that its file names. The machine is shared and
noisy: times are the median, with the least and the largest of the rounds or seeds in brackets.

No setting was chosen by a score on a test list: settings were chosen by the rows named validation.
Test lists were scored after that; the membranes of the test sections three times with the same
settings, as the program became faster: 268 steps in the time beside other work (Dice 0.796), 1093
steps in 317 s (0.810), and the row below.

- Rows of the built-in models and of isbi2012 were made by an earlier commit, whose patches were
  warped three times as often; their recipes say so.
- Row axons-loop-sub-rat1 was made with an earlier, weaker guard.
- Rows axons-loop-*, annotator-*, forgetting-*, gate, learn-hippocampus, learn-isbi2012-* and
  learn-neurons were made before a fine-tune fitted its head first, and with a guard by default.
- Rows learn-scan-* are of one seed, in part beside other work.
- Seed 2 of learn-hippocampus was trained beside other work, in fewer steps.
- The halo of the rows in 3D was measured on slices that are part of their image.
- The rows on an NVIDIA card were measured with torch 2.11 on another machine.
- In the second round of engine-3d a linter ran for some seconds.
- Most rows are of an Intel Xeon, older ones of an AMD EPYC: there the window's longest gap while
  segmenting was half as long (130 ms), and napari's own share of it too.
"""


def main() -> None:
    """One section after the other, one table a row."""
    results = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    parts = [INTRODUCTION, aims({result["row"]: result["figures"] for result in results})]
    for title, prefixes in SECTIONS.items():
        rows = [result for result in results if result["row"].startswith(prefixes)]
        parts += [f"## {title}\n", PLOTS.get(title, ""), *(table(result) for result in rows)]
    PAGE.write_text("\n".join(parts))


def aims(figures: dict[str, Any]) -> str:
    """What is aimed at beside what was reached, in the order of `aims.json`."""
    lines = ["## Aims\n", "| | aimed at | measured |", "|---|---|---|"]
    for what, aim, *where in AIMS["figures"]:
        lines.append(f"| {what} | {aim} | {measured(figure(figures, where))} |")
    for what, aim, *parts in AIMS["ratios"]:
        one, other = (middle(figure(figures, part)) for part in parts)
        ratio = None if one is None or other is None else round(one / other, 2)
        lines.append(f"| {what} | {aim} | {measured(ratio)} |")
    return "\n".join([*lines, ""])


def measured(found: Any) -> str:
    """A figure as text, or that there is none."""
    return "not measured" if found is None else shown(found)


def figure(figures: dict[str, Any], where: Figure) -> Any:
    """A figure of a row; None where it was not measured."""
    row, path = where
    found: Any = figures.get(row)
    for key in path:
        found = None if found is None else found.get(key)
    return found


def middle(found: Any) -> float | None:
    """A number, or the median of a spread."""
    return found["median"] if isinstance(found, dict) else found


def table(result: dict[str, Any]) -> str:
    """One result as a heading, its circumstances and a table."""
    figures = result["figures"]
    nested = {
        key: value
        for key, value in figures.items()
        if isinstance(value, dict) and not is_spread(value)
    }
    plain = {key: value for key, value in figures.items() if key not in nested}
    lines = [f"### {result['row']}\n", f"`{result['command']}`  ", circumstances(result), ""]
    if plain:
        lines += [
            "| | |",
            "|---|---|",
            *(f"| {key} | {shown(value)} |" for key, value in plain.items()),
            "",
        ]
    if nested:
        columns = list(dict.fromkeys(key for value in nested.values() for key in value))
        lines += [f"| | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
        lines += [
            f"| {key} | {' | '.join(shown(value.get(column, '')) for column in columns)} |"
            for key, value in nested.items()
        ]
        lines.append("")
    return "\n".join(lines)


def circumstances(result: dict[str, Any]) -> str:
    """Machine, versions, commit and date in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in result["versions"].items())
    when = f"commit {result['commit']}, {result['date']}"
    return f"{result['machine']}; Python {result['python']}, {versions}; {when}"


def is_spread(value: dict[str, Any]) -> bool:
    """Whether a dict is the spread of repeated measurements."""
    return set(value) == {"median", "min", "max"}


def shown(value: Any) -> str:
    """A figure as text."""
    if isinstance(value, dict) and is_spread(value):
        return f"{value['median']} ({value['min']}–{value['max']})"
    return str(value)


if __name__ == "__main__":
    main()

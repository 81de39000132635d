"""Write docs/benchmarks.md from the stored results.

python benchmarks/table.py
"""

import json
from pathlib import Path
from typing import Any

from store import RESULTS

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
SECTIONS = {
    "Built-in models": ("builtin-",),
    "Learning from scratch": ("isbi2012-", "learn-"),
    "Learning from corrections": ("axons-loop-", "annotator-"),
    "What is forgotten": ("forgetting-",),
    "The gate: which new models are accepted": ("gate",),
    "The speed of training, and the cost of augmentation": ("train-speed", "augment"),
    "Throughput, and labels that tiling changes": ("throughput-",),
    "The window while it works": ("heartbeat-", "first-tile-"),
    "Until one can begin": ("startup",),
}
INTRODUCTION = """# Benchmarks

Written by `python benchmarks/table.py` from the results in `benchmarks/results`; each row was made by the command
beside it, on the machine and commit that its file names. The machine is shared and noisy: times are the median,
with the least and the largest of the rounds or seeds in brackets. No setting was chosen by a score on a test list: rows
named validation are those that were looked at while choosing. Test lists were read when all was chosen; the
membranes of the test sections were scored three times with the same settings, as the program became faster: 268 steps
in the time beside other work (Dice 0.796), 1093 steps in 317 s (0.810), and the row below.
"""


def main() -> None:
    """One section after the other, one table a row."""
    records = [json.loads(path.read_text()) for path in sorted(RESULTS.glob("*.json"))]
    parts = [INTRODUCTION]
    for title, prefixes in SECTIONS.items():
        rows = [record for record in records if record["row"].startswith(prefixes)]
        parts += [f"## {title}\n", *(table(record) for record in rows)]
    PAGE.write_text("\n".join(parts))


def table(record: dict[str, Any]) -> str:
    """One result as a heading, its circumstances and a table."""
    figures = record["figures"]
    nested = {key: value for key, value in figures.items() if isinstance(value, dict) and not is_spread(value)}
    plain = {key: value for key, value in figures.items() if key not in nested}
    lines = [f"### {record['row']}\n", f"`{record['command']}`  ", circumstances(record), ""]
    if plain:
        lines += ["| | |", "|---|---|", *(f"| {key} | {shown(value)} |" for key, value in plain.items()), ""]
    if nested:
        columns = list(dict.fromkeys(key for value in nested.values() for key in value))
        lines += [f"| | {' | '.join(columns)} |", "|---|" + "---|" * len(columns)]
        lines += [f"| {key} | {' | '.join(shown(value.get(column, '')) for column in columns)} |" for key, value in nested.items()]
        lines.append("")
    return "\n".join(lines)


def circumstances(record: dict[str, Any]) -> str:
    """Machine, versions, commit and date in one line."""
    versions = ", ".join(f"{name} {number}" for name, number in record["versions"].items())
    return f"{record['machine']}; Python {record['python']}, {versions}; commit {record['commit']}, {record['date']}"


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

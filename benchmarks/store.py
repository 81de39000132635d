"""Results of benchmarks: one JSON file a row, with the commit, the machine and the date it was
measured on.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median

RESULTS = Path(__file__).parent / "results"


def save(
    row: str, command: str, figures: Mapping[str, object], more: Mapping[str, object] | None = None
) -> None:
    """Keep a row, with what more there is to know, and print its figures."""
    record = {"row": row, "command": command, "figures": figures, **circumstances(), **(more or {})}
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{row}.json").write_text(json.dumps(record, indent=1) + "\n")
    print(json.dumps(record["figures"], indent=1))


def circumstances() -> dict[str, object]:
    """Commit, machine, versions and date."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    ).stdout.strip()
    return {
        "commit": commit,
        "machine": f"{processor()}, {os.cpu_count()} cores, {platform.system()}",
        "python": platform.python_version(),
        "versions": {
            name: known
            for name in ("torch", "numpy", "napari", "monai")
            if (known := _version(name))
        },
        "date": datetime.now(UTC).date().isoformat(),
    }


def processor() -> str:
    """The processor's name as the system tells it."""
    info = Path("/proc/cpuinfo")
    names = (
        [
            line.partition(":")[2].strip()
            for line in info.read_text().splitlines()
            if "model name" in line
        ]
        if info.exists()
        else []
    )
    return names[0] if names else platform.processor()


def spread(values: Sequence[float], digits: int = 3) -> dict[str, float]:
    """Median, least and largest of repeated measurements."""
    return {
        "median": round(median(values), digits),
        "min": round(min(values), digits),
        "max": round(max(values), digits),
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None

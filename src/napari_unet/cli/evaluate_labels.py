"""What `evaluate` does: two files of labels in, a table of scores out."""

from collections.abc import Mapping
from typing import Any

from napari_unet.cli.arguments import EvaluateArguments, check_task, parse_names, parse_spacing
from napari_unet.cli.outcome import Outcome, tell
from napari_unet.cli.progress_line import ProgressLine
from napari_unet.measure.evaluate import MEASURES, evaluate
from napari_unet.scans.labels import read_labels
from napari_unet.words import unit_name

NOT_YET = (
    "Objects that have a number each can not be evaluated yet, only classes. "
    "Compare masks of their class with --task semantic."
)


def evaluate_labels(arguments: EvaluateArguments) -> Outcome:
    """Score one file of labels against another."""
    check_task(arguments.task, NOT_YET)
    spacing = parse_spacing(arguments.spacing)
    paths = (arguments.prediction, arguments.truth)
    found, wanted = read_labels(paths, arguments.axes, spacing)
    named = [(found, arguments.prediction.name), (wanted, arguments.truth.name)]
    shown = [note for scan, name in named for note in scan.named_notes(name)]
    for note in shown:
        tell(note)
    line = ProgressLine(arguments.prediction.name)
    scores = evaluate(found, wanted, classes=parse_names(arguments.classes), on_progress=line.show)
    line.clear()
    scores["notes"] = [note for scan, name in named for note in scan.named_notes(name)]
    for note in scores["notes"]:
        if note not in shown:  # it is on what was warned of in reads
            tell(note)
    return Outcome(scores, _table(scores))


def _table(scores: Mapping[str, Any]) -> str:
    """One line for each class and the mean, one column for each measure."""
    unit = unit_name(scores["unit"])
    titles = (
        "  Dice",
        "   IoU",
        "Precision",
        "Recall",
        f"HD95 ({unit})",
        f"Surface distance ({unit})",
    )
    names = list(scores["dice"])
    width = max(len(name) for name in (*names, "class"))
    rows = [f"{'class':<{width}}  {'  '.join(titles)}"]
    for name in names:
        values = (
            f"{scores[key][name]:>{len(title)}.4f}"
            for key, title in zip(MEASURES, titles, strict=True)
        )
        rows.append(f"{name:<{width}}  {'  '.join(values)}")
    return "\n".join(rows)

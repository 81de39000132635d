"""The tasks that there are. A new one gets its line here."""

from collections.abc import Callable

from napari_unet.errors import ScanError
from napari_unet.model.spec import ModelSpec
from napari_unet.segment.tasks.semantic import Semantic
from napari_unet.segment.tasks.task import Task

TASKS: dict[str, Callable[[ModelSpec], Task]] = {"semantic": Semantic.of}
# whose labels are the numbers of classes: what is learnt, and what `evaluate` compares
OF_CLASSES = frozenset({"semantic"})


def task_of(spec: ModelSpec) -> Task:
    """The task of a model; raises `ScanError` for one that the program can not do."""
    if not can_do(spec):
        raise ScanError(
            f"The model {spec.name} does the task {spec.task!r}, which this version of the program "
            f"does not know; it knows {' and '.join(map(repr, TASKS))}. Update napari-unet-loop, "
            "or choose another model."
        )
    return TASKS[spec.task](spec)


def can_do(spec: ModelSpec) -> bool:
    """Whether the program can do a model's task."""
    return spec.task in TASKS


def check_can_learn(spec: ModelSpec) -> None:
    """Raise `ScanError` for a model whose task the program can not do, or do but not learn."""
    task_of(spec)
    if spec.task not in OF_CLASSES:
        raise ScanError(
            f"The model {spec.name} does the task {spec.task!r}, which can be run, but not "
            f"trained; {' and '.join(map(repr, sorted(OF_CLASSES)))} can. Choose another model to "
            "start from."
        )


def default_threshold(spec: ModelSpec) -> float | None:
    """A model's own threshold, where its task has one that can be moved."""
    return spec.threshold if can_do(spec) and task_of(spec).has_threshold else None

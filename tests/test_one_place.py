"""Decisions that have one place: what output channels mean (`model/head`), and what depends on a
task (`segment/tasks`). The source is read for code that decides them elsewhere.
"""

import ast
from collections.abc import Callable, Iterator

import pytest

from helpers.source_tree import PACKAGE

ACTIVATIONS = {"sigmoid", "sigmoid_", "softmax", "log_softmax", "logsigmoid", "expit"}
VALUES = ("scores", "probabilities", "logits")
LABEL_FORMATS = {"uint8", "uint16", "uint32"}
Find = Callable[[ast.AST], Iterator[ast.AST]]


def _last_name(node: ast.AST) -> str:
    """`c` of `a.b.c`, of `c` and of `c[0]`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return getattr(node, "attr", "") or getattr(node, "id", "")


def activations(tree: ast.AST) -> Iterator[ast.AST]:
    """Where scores become probabilities."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute | ast.Name) and _last_name(node) in ACTIVATIONS:
            yield node


def numbers_of_channels(tree: ast.AST) -> Iterator[ast.AST]:
    """Where a network's output channels are read or set."""
    for node in ast.walk(tree):
        named = getattr(node, "attr", "") or getattr(node, "arg", "") or getattr(node, "value", "")
        if isinstance(named, str) and named == "out_channels":
            yield node


def guesses_by_number(tree: ast.AST) -> Iterator[ast.AST]:
    """Where the number of channels or of classes decides what they mean."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            equal = isinstance(node.ops[0], ast.Eq | ast.NotEq)
            counted = any(map(_counts_values, sides)) or (
                equal and any(map(_counts_classes, sides))
            )
            if counted and any(isinstance(side, ast.Constant) for side in sides):
                yield node


def _counts_values(node: ast.AST) -> bool:
    """`len(scores)`, `scores.shape[1]` or `scores.size(1)`."""
    if isinstance(node, ast.Call) and _last_name(node.func) == "len":
        return _last_name(node.args[0]).endswith(VALUES)
    inner = node.func if isinstance(node, ast.Call) else node
    while isinstance(inner, ast.Subscript):
        inner = inner.value
    sized = isinstance(inner, ast.Attribute) and inner.attr in ("shape", "size")
    return sized and _last_name(inner.value).endswith(VALUES)


def _counts_classes(node: ast.AST) -> bool:
    """`len(spec.classes)`, `len(classes)`."""
    called = isinstance(node, ast.Call) and _last_name(node.func) == "len"
    return called and _last_name(node.args[0]).endswith("classes")


def tasks_by_name(tree: ast.AST) -> Iterator[ast.AST]:
    """Where a task is compared with a name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            named = any(_last_name(side) == "task" for side in sides)
            if named and any(
                isinstance(getattr(leaf, "value", None), str)
                for side in sides
                for leaf in ast.walk(side)
            ):
                yield node


def label_formats(tree: ast.AST) -> Iterator[ast.AST]:
    """Where the number format of labels is named."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in LABEL_FORMATS:
            yield node


RULES: list[tuple[Find, str, set[str]]] = [
    (activations, "**/*.py", {"model/head.py", "segment/engine/openvino_graph.py"}),
    (
        numbers_of_channels,
        "**/*.py",
        # the last lists the fields that files of format 1 have
        {"model/config.py", "model/head.py", "model/formats/spec_text.py"},
    ),
    (guesses_by_number, "**/*.py", {"model/head.py"}),
    (tasks_by_name, "**/*.py", {"model/spec.py"}),
    (label_formats, "segment/**/*.py", set()),
    (label_formats, "learn/**/*.py", {"learn/data/corrections.py"}),  # trust
]


@pytest.mark.parametrize(("find", "files", "allowed"), RULES)
def test_it_is_decided_in_its_place_alone(find: Find, files: str, allowed: set[str]) -> None:
    found = {
        f"{name}:{node.lineno}"  # type: ignore[attr-defined]
        for file in sorted(PACKAGE.glob(files))
        if (name := file.relative_to(PACKAGE).as_posix()) not in allowed
        for node in find(ast.parse(file.read_text(encoding="utf-8")))
    }
    assert not found


@pytest.mark.parametrize(("find", "files", "allowed"), RULES)
def test_what_is_allowed_is_used(find: Find, files: str, allowed: set[str]) -> None:
    for name in allowed - {"model/head.py", "model/spec.py"}:
        assert list(find(ast.parse((PACKAGE / name).read_text(encoding="utf-8")))), name


def test_the_graph_of_openvino_follows_the_head_and_decides_nothing() -> None:
    tree = ast.parse((PACKAGE / "segment/engine/openvino_graph.py").read_text(encoding="utf-8"))
    inside = next(
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef) and node.name == "_probabilities"
    )
    assert len(list(activations(tree))) == len(list(activations(inside))) == 2
    assert "head.activation" in ast.unparse(inside)


@pytest.mark.parametrize(
    ("find", "code"),
    [
        (activations, "torch.sigmoid(scores)"),
        (activations, "x = scores.softmax(dim=1)"),
        (activations, "from torch import softmax as s; functional.log_softmax(a, 1)"),
        (numbers_of_channels, "net.config.out_channels"),
        (numbers_of_channels, "UNetConfig(out_channels=3)"),
        (numbers_of_channels, "{'out_channels': 3}"),
        (guesses_by_number, "1 if len(scores) == 1 else 2"),
        (guesses_by_number, "if len(tile.probabilities) > 1: pass"),
        (guesses_by_number, "if scores.shape[1] == 1: pass"),
        (guesses_by_number, "if 1 < scores.size(1): pass"),
        (guesses_by_number, "if len(spec.classes) != 2: pass"),
        (tasks_by_name, "if spec.task == 'instances': pass"),
        (tasks_by_name, "if task in ('semantic', 'instances'): pass"),
        (label_formats, "np.zeros(shape, np.uint8)"),
    ],
)
def test_code_that_decides_elsewhere_is_seen(find: Find, code: str) -> None:
    assert list(find(ast.parse(code)))


@pytest.mark.parametrize(
    ("find", "code"),
    [
        (guesses_by_number, "if not 2 <= len(classes) <= 255: pass"),
        (guesses_by_number, "if len(classes) == old: pass"),
        (guesses_by_number, "if part.shape[0] == 1: pass"),
        (tasks_by_name, "if spec.task not in TASKS: pass"),
        (tasks_by_name, "if self.jobs[0] != task: pass"),
        (numbers_of_channels, "config.in_channels"),
    ],
)
def test_other_code_is_left_alone(find: Find, code: str) -> None:
    assert not list(find(ast.parse(code)))

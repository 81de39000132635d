"""The documents stay true: what they name is there, and the map names every folder."""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from helpers.source_tree import PACKAGE, ROOT

pytestmark = pytest.mark.skipif(not (ROOT / "docs").exists(), reason="needs the source tree")

DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.glob("*.md"), *(DOCS / "decisions").glob("*.md")])
ROOMS = {folder.name for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
TREE = {"docs", "tests", "src", "benchmarks", "recipes", "scripts", *ROOMS}
OF_THE_ROOT = {"pyproject.toml", "napari.yaml", "hatch_build.py", "Makefile"}
FENCED = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


def text_of(page: Path) -> str:
    """A page without its blocks of code, which may name files of the reader."""
    return FENCED.sub("", page.read_text(encoding="utf-8"))


def words_in_code(text: str) -> Iterator[str]:
    for span in re.findall(r"`([^`\n]+)`", text):
        yield from span.split()


def paths_named(text: str) -> set[str]:
    """What a text writes as a path of the source tree."""
    words = {word for word in words_in_code(text) if re.fullmatch(r"[\w./-]+", word)}
    return {
        word
        for word in words
        if word in OF_THE_ROOT
        or word.endswith(".py")
        or ("/" in word and word.partition("/")[0] in TREE)
    }


def missing_paths(page: Path) -> list[str]:
    """Paths that a page names and that are not there; a file without a folder may be in one that
    the same line names.
    """
    lines = [paths_named(line) for line in text_of(page).splitlines()]
    return sorted(path for line in lines for path in line if not is_there(path, line))


def is_there(path: str, line: Iterable[str] = ()) -> bool:
    folders = [PACKAGE / other for other in line if other.endswith("/") and "/" not in path]
    return any((place / path).exists() for place in (ROOT, PACKAGE, *folders))


def modules_named(text: str) -> set[str]:
    """What a text writes as a module, or a name in one, such as `scans.read`."""
    words = {word.partition("(")[0] for word in words_in_code(text)}
    dotted = {word for word in words if re.fullmatch(r"\w+(\.\w+)+(?<!\.sh)", word)}
    return {word for word in dotted if word.partition(".")[0] in {"napari_unet", *ROOMS}}


def can_be_imported(dotted: str) -> bool:
    """Whether it is a module or package of ours, or a name in one."""
    name = f"napari_unet.{dotted.removeprefix('napari_unet.')}"
    parent, _, last = name.rpartition(".")
    package = import_module(parent)
    return hasattr(package, last) or (hasattr(package, "__path__") and find_spec(name) is not None)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_names_is_there(page: Path) -> None:
    assert missing_paths(page) == []
    assert [
        name for name in sorted(modules_named(text_of(page))) if not can_be_imported(name)
    ] == []


def docstrings(file: Path) -> str:
    nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    return "\n".join(
        ast.get_docstring(node) or "" for node in nodes if isinstance(node, documented)
    )


def test_what_docstrings_name_is_there() -> None:
    for file in PACKAGE.rglob("*.py"):
        text = docstrings(file)
        assert {path for path in paths_named(text) if not is_there(path)} == set(), file
        assert {name for name in modules_named(text) if not can_be_imported(name)} == set(), file


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), target
        if anchor:
            assert anchor in anchors(file), target


def anchors(page: Path) -> set[str]:
    """The places of a page that a link can name, as GitHub makes them of its headings."""
    headings = re.findall(r"^#+ (.+)$", text_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_paths_are_found_at_all() -> None:
    named = paths_named(text_of(DOCS / "architecture.md"))
    assert len(named) > 40
    assert {"segment/stream.py", "learn/judging/", "pyproject.toml"} <= named
    assert not is_there("segment/no_such_module.py")
    assert not can_be_imported("scans.no_such_module")


def test_the_map_names_every_folder() -> None:
    named = {path.strip("/") for path in paths_named(text_of(DOCS / "architecture.md"))}
    folders = {
        file.parent.relative_to(PACKAGE).as_posix() for file in PACKAGE.rglob("*/__init__.py")
    }
    assert folders - named == set()


def test_the_index_of_decisions_is_complete() -> None:
    index = (DOCS / "decisions" / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in (DOCS / "decisions").glob("[0-9]*.md")}
    assert len(pages) >= 10
    assert {name for name in pages if f"]({name})" not in index} == set()

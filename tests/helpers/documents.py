"""The examples of docs/where-to-add.md as tests run them."""

import re
from textwrap import dedent

from helpers.source_tree import ROOT

PAGE = ROOT / "docs" / "where-to-add.md"


def example(section: str, number: int = 0) -> str:
    """The code of the page's section of that name, the first block or a later one."""
    text = PAGE.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^## …{section}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"^ *```python\n(.*?)^ *```", body, re.DOTALL | re.MULTILINE)
    return dedent(blocks[number])

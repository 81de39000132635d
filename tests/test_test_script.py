"""How scripts/test.sh ends, with a stand-in for both of its calls of pytest."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from helpers.source_tree import ROOT

SCRIPT = ROOT / "scripts" / "test.sh"
STAND_IN = """#!/bin/bash
for word in "$@"; do [ "$word" != "not alone" ] || exit {beside}; done
echo alone
exit {alone}
"""

pytestmark = pytest.mark.skipif(
    sys.platform == "win32" or not SCRIPT.exists(), reason="needs the source tree and bash"
)


@pytest.mark.parametrize(
    ("beside", "alone", "ends"),
    [
        (0, 0, "alone 0"),
        (1, 0, "alone 1"),
        (0, 1, "alone 1"),
        (0, 5, "alone 0"),  # none of the tests looks at the clock
        (5, 0, "5"),  # there are no tests
        (2, 0, "2"),  # interrupted
        (143, 0, "143"),  # killed
    ],
)
def test_a_failure_of_either_call_is_a_failure(
    tmp_path: Path, beside: int, alone: int, ends: str
) -> None:
    scripts = tmp_path / "scripts"
    scripts.mkdir()
    shutil.copy(SCRIPT, scripts)
    display = scripts / "with_display.sh"
    display.write_text(STAND_IN.format(beside=beside, alone=alone))
    display.chmod(0o755)
    ran = subprocess.run([scripts / "test.sh"], capture_output=True, text=True, timeout=30)
    assert " ".join([*ran.stdout.split(), str(ran.returncode)]) == ends
    assert ran.stderr == ""

"""A child process that runs some Python until it says that it is ready, and is then killed."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

READY = "ready"


@contextmanager
def child(code: str, *arguments: object) -> Iterator[None]:
    """The child is at its line `ready()` in the `with` block, and is killed at its end."""
    begin = f"import sys\ndef ready():\n    print({READY!r}, flush=True)\n    sys.stdin.read()\n"
    words = [sys.executable, "-c", begin + code, *map(str, arguments)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == f"{READY}\n"
        try:
            yield
        finally:
            process.kill()


def killed(code: str, *arguments: object) -> None:
    """Run a child until it is ready, and kill it."""
    with child(code, *arguments):
        pass

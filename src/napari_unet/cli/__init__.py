"""Floor 5: the command line. It parses, calls the rooms below, and puts what they raise into one
sentence.
"""

import sys


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from napari_unet.cli.app import app

    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a console that lacks a letter of a file's name
    app(prog_name="napari-unet")

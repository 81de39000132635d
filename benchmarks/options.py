"""The command lines of the benchmarks."""

import argparse


def command_line(docstring: str | None) -> argparse.ArgumentParser:
    """A parser whose help is a benchmark's docstring, as it is written."""
    return argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawDescriptionHelpFormatter
    )


def add_settings(parser: argparse.ArgumentParser) -> None:
    """Let settings of a training be given."""
    parser.add_argument(
        "--settings",
        default="{}",
        help="settings other than the defaults, as JSON; for choosing them",
    )

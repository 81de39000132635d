"""The voxel size as it is written on the command line."""

import typer


def parse_spacing(text: str | None) -> tuple[float, ...] | None:
    """The numbers of "2,0.5,0.5"; raises `typer.BadParameter` for anything else."""
    if text is None:
        return None
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise typer.BadParameter(f"--spacing: expected numbers such as 2,0.5,0.5; got {text!r}.") from error

"""What Windows refuses for a moment, and how what is refused for good becomes a sentence.

Windows neither renames nor removes a file that is open, be it in another program or, for a moment,
in a virus scanner, which reads each new one. So all that renames or removes goes through here.
"""

from contextlib import suppress
from pathlib import Path

from napari_unet.errors import OutputError
from napari_unet.files import names
from napari_unet.files.full_disk import is_no_space, no_space
from napari_unet.files.names import persistently


def not_written(target: Path, error: Exception, needed: int | None = None) -> OutputError:
    """The error for a file or folder that the system refuses to write."""
    if is_no_space(error):
        return no_space(target, error, needed, "What was there is untouched.")
    if names.WINDOWS and isinstance(error, PermissionError) and target.exists():
        reason = "another program has it open, or it is protected. Close it there, and try again"
    else:
        reason = str(getattr(error, "strerror", None) or error)
    return OutputError(f"Can not write {target}: {reason}. What was there is untouched.")


def move(source: Path, target: Path) -> None:
    """Rename a file over `target`, or a folder, where there must be none."""
    persistently(lambda: source.replace(target))


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    persistently(lambda: path.unlink(missing_ok=True))


def discard(path: Path) -> None:
    """Remove a file that is of no use any more; one that another program has open, or that lies
    where nothing can be written, stays.
    """
    with suppress(OSError):  # what is finished must not fail for what is left of it
        remove(path)

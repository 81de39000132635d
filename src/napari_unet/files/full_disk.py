"""What systems and libraries raise where a disk has no room, and the one error that it becomes."""

import errno
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_unet.errors import NapariUNetError, NoSpaceError, OutputError, shortened
from napari_unet.words import data_size

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# Windows: ERROR_HANDLE_DISK_FULL, ERROR_DISK_FULL, ERROR_DISK_QUOTA_EXCEEDED
NO_SPACE_ON_WINDOWS = {39, 112, 1295}
# what libraries say instead, in this order: safetensors (Rust's name of the error, and the system's
# words), numpy's `tofile`, which tifffile uses, and `torch.save`
SAID = re.compile(
    r"StorageFull|QuotaExceeded|no space left|disk quota exceeded|not enough space on the disk"
    r"|^\d+ requested and \d+ written|inline_container\.cc.*(failed writing|unexpected pos)",
    re.IGNORECASE,
)
SHOWN_PATH = 120  # characters of a path within the sentence


def is_no_space(error: BaseException) -> bool:
    """Whether an error, or one that led to it, means that a disk is full, a quota used up, or a
    file larger than files may be.
    """
    return any(isinstance(each, NoSpaceError) or _says_no_space(each) for each in _chain(error))


def no_space(
    path: Path | None, error: BaseException, needed: int | None = None, hint: str = ""
) -> NoSpaceError:
    """The error for a file or folder that found no room: what was written, how much is free there,
    and how much it `needed`, where that is known. A `hint` says what became of the rest.
    """
    ending = f" {hint}" if hint else ""
    found = NoSpaceError(
        f"{_what(path, error)}{_room(path, needed)}.{ending} "
        "Free some space, or choose another folder."
    )
    found.path = path
    return found


def not_made(path: Path, error: OSError, advice: str = "Choose another folder.") -> OutputError:
    """The error for a file that the system does not let begin."""
    if is_no_space(error):
        return no_space(path, error)
    return OutputError(f"Can not write into {path.parent}: {error.strerror}. {advice}")


@contextmanager
def no_space_explained(path: Path, needed: int | None = None) -> Iterator[None]:
    """Let whatever is raised for want of room become a `NoSpaceError` about this path."""
    try:
        yield
    except NapariUNetError:
        raise
    except Exception as error:
        if not is_no_space(error):
            raise
        raise no_space(path, error, needed) from error


def existing_folder(folder: Path) -> Path:
    """The folder, or the nearest one above it that is there: it lies on the same disk."""
    whole = folder.absolute()
    return next((each for each in (whole, *whole.parents) if each.is_dir()), whole)


def is_same_disk(one: Path, other: Path) -> bool:
    """Whether two files, that need not be there yet, lie on one disk."""
    disks = {existing_folder(path.resolve().parent).stat().st_dev for path in (one, other)}
    return len(disks) == 1


def _what(path: Path | None, error: BaseException) -> str:
    """What was to be written, and what is in the way."""
    name = "" if path is None else shortened(str(path), SHOWN_PATH)
    if any(isinstance(each, OSError) and each.errno == errno.EFBIG for each in _chain(error)):
        return f"{name or 'A file'} would be larger than a file may be there"
    return f"No space left to write {name}" if name else "No space left"


def _room(path: Path | None, needed: int | None) -> str:
    """How much room is free and needed, in brackets, as far as it is known."""
    sizes = []
    if path is not None and (free := _free(path)) is not None:
        sizes.append(f"{data_size(free) if free else 'nothing'} is free")
    if needed is not None:
        sizes.append(f"about {data_size(needed)} needed")
    return f" ({', '.join(sizes)})" if sizes else ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """An error, those that led to it, and those that it is made of."""
    waiting: list[BaseException | None] = [error]
    seen: set[int] = set()
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, None if each.__suppress_context__ else each.__context__]
        waiting += each.exceptions if isinstance(each, BaseExceptionGroup) else ()


def _says_no_space(error: BaseException) -> bool:
    if isinstance(error, OSError) and error.errno in NO_SPACE:
        return True
    if getattr(error, "winerror", None) in NO_SPACE_ON_WINDOWS:
        return True
    return not isinstance(error, NapariUNetError) and SAID.search(str(error)) is not None


def _free(path: Path) -> int | None:
    with suppress(OSError):
        return shutil.disk_usage(existing_folder(path)).free
    return None

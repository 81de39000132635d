"""Names of files and paths: what systems take, as Windows and macOS do with rules of their own,
what Windows refuses for a moment, and which name fits beside another.

Paths over 259 characters are refused in a sentence where Windows has not been told to take them.
The prefix that lifts the limit for one path is not used: other programs, the Explorer among them,
could not open what was written with it, and it would stand in journals and messages.
"""

import hashlib
import os
import stat
import sys
import time
import unicodedata
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath, PureWindowsPath
from typing import TypeVar

from napari_unet.errors import OutputError, shortened

WINDOWS = sys.platform == "win32"
IGNORES_CASE = sys.platform in ("win32", "darwin")  # unless a disk was formatted otherwise
LONGEST_PATH = 259  # characters; Windows counts the end of the text as one more
SHOWN_NAME = 80  # characters of a long name that are shown
MOST_NAME_BYTES = 255  # of one name, on nearly every file system
HASH_DIGITS = 12
FORBIDDEN = '<>:"/\\|?*'
PORTS = "123456789\N{SUPERSCRIPT ONE}\N{SUPERSCRIPT TWO}\N{SUPERSCRIPT THREE}"
DEVICES = frozenset(
    ["CON", "PRN", "AUX", "NUL", "CONIN$", "CONOUT$"]
    + [f"{port}{number}" for port in ("COM", "LPT") for number in PORTS]
)
PART = ".part"  # ends the name of a temporary file
# by which the name of the lock of a temporary file is longer than that of the file that is written
BESIDE = len(f"..12345678{PART}.lock")
WAITS_S = (0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28)  # between tries where Windows refuses
OF_THE_SYSTEM = frozenset([".ds_store", "thumbs.db", "desktop.ini"])

Result = TypeVar("Result")


def forbidden_signs(name: str) -> list[str]:
    """The characters that no file can have in its name on Windows, each once."""
    return sorted({sign for sign in name if sign in FORBIDDEN or not sign.isprintable()})


def is_reserved(name: str) -> bool:
    """Whether Windows takes a name for a device, whatever its suffix: nul.tif is nothing."""
    return name.split(".")[0].rstrip().upper() in DEVICES


def allowed_name(name: str, otherwise: str) -> str:
    """A name that files can have on every system, like this one; `otherwise` where nothing is left
    of it.
    """
    allowed = "".join("_" if sign in forbidden_signs(name) else sign for sign in name).strip(" .")
    return f"{allowed}_" if is_reserved(allowed) else allowed or otherwise


def key_of(path: PurePath) -> str:
    """What is equal for two paths that mean the same file on this system."""
    text = str(path)
    return unicodedata.normalize("NFC", text).casefold() if IGNORES_CASE else text


def is_within(path: PurePath, folder: PurePath) -> bool:
    """Whether a path is that of a folder, or lies in it."""
    return PurePath(key_of(path)).is_relative_to(key_of(folder))


def check_path(path: Path, beyond: int = 0) -> None:
    """Raise `OutputError` where Windows could not write a file of that path as it is meant.

    `beyond` is how many characters longer paths get of what lies in it or beside it meanwhile.
    """
    if not WINDOWS:
        return
    whole = PureWindowsPath(os.path.abspath(path))  # noqa: PTH100 without following links
    for name in whole.parts[1:]:
        if reason := _problem(name):
            raise OutputError(f"{path} can not be written: {reason}. Choose another name.")
    if len(str(whole)) + beyond > LONGEST_PATH and not takes_long_paths():
        raise OutputError(
            f"The path {shortened(str(path), SHOWN_NAME)} is too long: with what is written beside "
            f"it, it has {len(str(whole)) + beyond} characters, and Windows takes "
            f"{LONGEST_PATH}. Choose a "
            "shorter folder or name, or switch long paths on in the settings of Windows."
        )


def check_name(path: Path) -> None:
    """Raise `OutputError` where the name of a file to be written is longer than names can be."""
    if (size := len(os.fsencode(path.name))) > MOST_NAME_BYTES:
        raise OutputError(
            f"The name {shortened(path.name, SHOWN_NAME)} is too long: {size} bytes, and "
            f"{MOST_NAME_BYTES} are possible. Choose a shorter one."
        )


def name_beside(name: str, ending: str) -> str:
    """The name with an ending, for a file that stands beside it. Where that would be too long, a
    part of the name and a hash of it, so that there is room wherever there is room for the name.
    """
    longest = MOST_NAME_BYTES - len(os.fsencode(ending))
    whole = os.fsencode(name)
    if len(whole) <= longest:
        return name + ending
    digest = "~" + hashlib.sha256(whole).hexdigest()[:HASH_DIGITS]
    return whole[: longest - len(digest)].decode(errors="ignore") + digest + ending


def is_same_file(one: Path, other: Path) -> bool:
    """Whether two paths are one existing file or folder, through whatever links or spellings."""
    try:
        return one.samefile(other)
    except (OSError, ValueError):
        return False


def unusual_kind(path: Path) -> str:
    """What there is at a path that is neither a file nor a folder, such as "a named pipe": to read
    it may never end. Empty for files, for folders, and where there is nothing.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return ""
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return ""
    return "a named pipe" if stat.S_ISFIFO(mode) else "a device or a socket"


def contents(folder: Path) -> Iterator[Path]:
    """What lies in a folder, besides the files that systems put into any they have shown."""
    return (path for path in folder.iterdir() if path.name.lower() not in OF_THE_SYSTEM)


def persistently(action: Callable[[], Result]) -> Result:
    """Do what Windows refuses while a file is open: again and again, for two and a half seconds."""
    for wait in WAITS_S if WINDOWS else ():
        try:
            return action()
        except PermissionError:
            time.sleep(wait)
    return action()


def _problem(name: str) -> str:
    """Why a file or folder can not have this name on Windows."""
    if signs := forbidden_signs(name):
        return f"Windows allows no {' '.join(map(ascii, signs))} in a name"
    if is_reserved(name):
        return f"Windows takes the name {name} for a device"
    return f"Windows drops what {name!r} ends with" if name != name.rstrip(" .") else ""


if sys.platform == "win32":

    def takes_long_paths() -> bool:
        """Whether this process can use paths of any length, which is a setting of Windows."""
        import ctypes

        ask = getattr(ctypes.WinDLL("ntdll"), "RtlAreLongPathsEnabled", None)  # since Windows 10
        if ask is None:
            return False
        ask.restype = ctypes.c_ubyte
        return bool(ask())

else:

    def takes_long_paths() -> bool:
        """Whether this process can use paths of any length; it can where this is no Windows."""
        return True

"""The errors that people may meet; each message says what was found, what was expected and what to
do.
"""

from pathlib import Path

MOST_CHARACTERS = 300
CUT = " … "


class NapariUNetError(Exception):
    """Base of every error this package raises on purpose; as text it has a bounded length, whatever
    a file has put into it, and `args` hold all of it.
    """

    def __str__(self) -> str:
        return shortened(super().__str__())


def shortened(text: str, most: int = MOST_CHARACTERS) -> str:
    """The text, without its middle where it is longer than that: a sentence begins with what was
    found, and ends with what to do.
    """
    if len(text) <= most:
        return text
    end = (most - len(CUT)) // 3
    return text[: most - len(CUT) - end] + CUT + text[-end:]


def with_notes(sentence: str, error: BaseException) -> str:
    """A sentence about an error, with what was noted on its way."""
    return " ".join(map(shortened, [sentence, *getattr(error, "__notes__", ())]))


class Cancelled(NapariUNetError):  # noqa: N818 the user's decision, not an error
    """The user cancelled the job: it is as if it had never begun."""


class ScanError(NapariUNetError):
    """An image that can not be read, or that a model can not be run on."""


class ModelFileError(NapariUNetError):
    """A file that is not a usable model."""


class SettingsError(NapariUNetError):
    """A setting that does not fit the data or the machine."""


class DeviceError(NapariUNetError):
    """A device that was chosen and can not be used."""


class EngineError(NapariUNetError):
    """An engine that was chosen and is not installed, or that can not run a model."""


class NotEnoughMemoryError(NapariUNetError):
    """Memory, of a card or of the machine, that was not enough for what was to be computed."""


class ClusterError(NapariUNetError):
    """A cluster that can not be reached, or whose workers can not compute what they are given."""


class TorchUnavailableError(NapariUNetError):
    """PyTorch is missing or its installation is broken."""


class OutputError(NapariUNetError):
    """A result that can not be written where it should be."""


class NoSpaceError(OutputError):
    """A disk that is full, or a quota that is used up, so that what belongs at `path` can not be
    written.
    """

    path: Path | None = None


class BusyError(OutputError):
    """A result that another run is writing at this moment."""


class CheckpointError(NapariUNetError):
    """A checkpoint that a training can not be resumed from."""

"""The errors that people may meet; each message says what was found, what was expected and what to
do.
"""


class NapariUNetError(Exception):
    """Base of every error this package raises on purpose."""


class Cancelled(NapariUNetError):  # noqa: N818 the user's decision, not an error
    """The user asked for the job to be as if it had never begun."""


class ScanError(NapariUNetError):
    """An image that can not be read, or that a model can not be run on."""


class ModelFileError(NapariUNetError):
    """A file that is not a usable model."""


class SettingsError(NapariUNetError):
    """A setting that does not fit the data or the machine."""


class DeviceError(NapariUNetError):
    """A device that was asked for and can not be used."""


class EngineError(NapariUNetError):
    """An engine that was asked for and is not there, or that can not run a model."""


class NotEnoughMemoryError(NapariUNetError):
    """Memory, of a card or of the machine, that was not enough for what was to be computed."""


class ClusterError(NapariUNetError):
    """A cluster that can not be reached, or whose workers can not do what they are there for."""


class TorchUnavailableError(NapariUNetError):
    """PyTorch is missing or its installation is broken."""


class OutputError(NapariUNetError):
    """A result that can not be written where it was asked for."""


class CheckpointError(NapariUNetError):
    """A checkpoint that a training can not go on from."""

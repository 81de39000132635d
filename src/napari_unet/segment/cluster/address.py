"""Where a scheduler is: on the network, or one that is started here for the run."""

import re

from napari_unet.errors import SettingsError

LOCAL = "local"
OPEN = "tcp://"
ADDRESS = re.compile(r"(tls|tcp)://[^\s/]+:\d{1,5}")


def parse_scheduler(text: str) -> str:
    """The address of a scheduler, or the word that starts one; raises `SettingsError` for anything else."""
    address = text.strip()
    if address != LOCAL and ADDRESS.fullmatch(address) is None:
        raise SettingsError(f"A scheduler is tls://host:port, tcp://host:port or {LOCAL}; got {text!r}.")
    return address


def warning_of(address: str) -> str:
    """What is to be known of an address before it is used, one sentence or nothing."""
    if not address.startswith(OPEN):
        return ""
    return f"{address} has no TLS: whoever reaches that port can run any program on the scheduler and its workers."

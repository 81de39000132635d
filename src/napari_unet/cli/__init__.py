"""Floor 5: the command line. It parses, calls the rooms below, and puts what they raise into one
sentence.
"""

import errno


def main() -> None:
    """Run the command line and end the process with its exit code."""
    from napari_unet.cli.streams import flush_all, prepare_streams, write_aside

    prepare_streams()
    from napari_unet.cli.app import app

    try:
        app(prog_name="napari-unet")
    except OSError as error:  # of help texts, which are printed by typer
        if error.errno != errno.EPIPE:
            write_aside(f"Error: {error.strerror or error}.\n")
        raise SystemExit(1) from None
    finally:
        flush_all()

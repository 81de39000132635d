"""What went wrong in a job, for a person."""

from napari_unet.errors import NapariUNetError

MEMORY_WORDS = ("out of memory", "not enough memory", "can't allocate memory")


def explain(error: Exception) -> str:
    """One sentence for an error of a job."""
    if isinstance(error, NapariUNetError):
        return " ".join([str(error), *getattr(error, "__notes__", ())])
    first = str(error).strip().partition("\n")[0][:200] or type(error).__name__
    if isinstance(error, MemoryError) or any(word in str(error).lower() for word in MEMORY_WORDS):
        return f"The memory of the device was not enough ({first}). Choose the processor, or a smaller part of the image."
    return f"The run failed: {first}."

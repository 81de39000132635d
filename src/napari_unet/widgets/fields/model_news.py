"""Tells every open widget that there is a new model, or that one should be chosen."""

from functools import cache

from qtpy.QtCore import QObject, Signal


class ModelNews(QObject):
    """One for the whole program: `saved` and `chosen` carry the path of a model's file."""

    saved = Signal(str)
    chosen = Signal(str)


@cache
def model_news() -> ModelNews:
    """The one that everybody shares."""
    return ModelNews()

"""Signals to every open dock: there is a new model, or a model should be chosen."""

from functools import cache

from qtpy.QtCore import QObject, Signal


class ModelNews(QObject):
    """One for the whole program: `saved` and `chosen` carry the path of a model's file."""

    saved = Signal(str)
    chosen = Signal(str)


@cache
def model_news() -> ModelNews:
    """The one object that all docks share."""
    return ModelNews()

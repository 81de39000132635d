"""Kinds of model files: a table of them (`registry`), and the modules that read and write each.

Who wants to load or save a model calls `model.library`; who wants to know which files hold models
asks `registry`.
"""

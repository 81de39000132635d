"""Whether a model suits an image, from what it says of a small part: advice before a run, for the
docks, the command line and Python.
"""

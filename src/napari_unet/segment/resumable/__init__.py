"""Runs into a zarr that can be interrupted, continued and divided; for the command line, the
cluster and the window.
"""

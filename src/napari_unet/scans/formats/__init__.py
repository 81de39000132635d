"""Kinds of image files: a table of them (`registry`), and a reader and a writer for each.

Who wants to read or write a file calls `scans.read` or `scans.write`; who wants to know what can be
read and written asks `registry`.
"""

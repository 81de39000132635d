"""Painted strokes on disk, so that a crash loses none; for the window."""

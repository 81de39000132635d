"""Drawn sample scans with their truth; for the window, recipes and tests."""

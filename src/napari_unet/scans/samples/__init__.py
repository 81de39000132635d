"""Drawn sample scans with their true labels; for the window, recipes and tests."""

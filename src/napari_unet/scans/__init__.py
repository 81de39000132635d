"""Scans: what they are, reading and writing them as files, and the grids they live on."""

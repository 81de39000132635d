"""From strokes to trusted voxels: the tools of a labels layer followed, reviewed regions, and their
journal; for both docks.
"""

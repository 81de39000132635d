"""How a frame is cut into tiles: which halo (exact or measured), how large, in which order, read
and put together; for `segment`, and for `learn` to measure a halo.
"""

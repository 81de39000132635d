"""The only room that touches viewer and layers, and napari's plugin settings; for docks and
painting.
"""

"""What docks and painting read of the viewer and its layers, and do to them (facts, place, focus,
colours); napari's plugin settings.
"""

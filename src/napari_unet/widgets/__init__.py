"""Floor 5: the window. napari opens its docks; nothing below imports it."""

"""Widgets that edit or show one value each and know no napari; for both docks."""

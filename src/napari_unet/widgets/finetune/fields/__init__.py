"""Widgets that only the Fine-tune dock has; they know no napari."""

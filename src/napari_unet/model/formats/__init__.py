"""Model files and their headers, in and out; for `model.library` and whoever saves a model."""

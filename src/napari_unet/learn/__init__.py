"""Floor 4: learning a model from scans and their labels; `train` runs one from start to verdict."""

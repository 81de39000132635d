"""Pictures that the manifest names."""

"""A run divided among the workers of a dask cluster; for the command line."""

"""One run divided among the workers of a dask cluster; only the command line enters."""

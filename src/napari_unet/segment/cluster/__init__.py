"""A kept run on the workers of a dask cluster. Only `dask_import` imports dask.distributed, when a scheduler is named."""

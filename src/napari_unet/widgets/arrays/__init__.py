"""The arrays behind layers: results, what of them is computed, trust; numpy alone.

No Qt and no napari, so that a worker's thread may write what the main thread shows.
"""

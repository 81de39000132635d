"""Floor 3: a scan and a model in, exact tiles out; for `learn`, the window and the command line.

Nothing may be imported here: `napari_unet` imports this folder to take its name for the function
`napari_unet.segment`, which is `run.segment`.
"""

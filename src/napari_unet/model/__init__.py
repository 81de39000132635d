"""Floor 2: the U-Net, what follows from its shape (strides, receptive field, exact halo), what a
model says of itself, and where models are found.
"""

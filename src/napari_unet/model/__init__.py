"""Floor 2: the U-Net, what a model says of itself, and where models are found."""

"""The steps of a training: losses, optimiser, budget, checkpoints; for `learn` alone."""

"""Floor 2: how well labels agree with the truth."""

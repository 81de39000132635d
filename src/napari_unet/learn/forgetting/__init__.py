"""What keeps a fine-tune from losing what its parent knew; for `learn` alone."""

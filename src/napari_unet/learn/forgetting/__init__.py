"""What keeps a fine-tune from losing what its parent knew, in weights and in predictions; for
`learn` alone.
"""

"""What the command `segment` does: where its files go, which images there are, and what computes
their tiles; for `cli/app.py` alone.
"""

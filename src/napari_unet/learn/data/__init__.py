"""What a training learns from: scans with trusted labels, and the patches made of them; for `learn`
alone.
"""

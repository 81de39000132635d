"""What a training learns from: scans with trusted labels, made into examples, and the patches cut
of them; for `learn` and the window.
"""

"""What is held out, and the verdict: which of two models is better there; for `learn` and the window.
"""

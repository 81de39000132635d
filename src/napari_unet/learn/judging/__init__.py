"""What is held out, and the verdict on it: which of two models is better; for `learn`, and the
types of the verdict for the window.
"""

"""What is held out, and the verdict: which of two models is better; for `learn` and the window."""

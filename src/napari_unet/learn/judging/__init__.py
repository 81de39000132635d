"""What is held out, and which of two models is better there; for `learn` and the window."""

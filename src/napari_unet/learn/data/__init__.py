"""What a training learns from: scans with trusted labels, the examples made of them, and the
patches cut from those; for `learn`, and `corrections` and `item` for the window and the command
line too.
"""

"""What is decided before the first step: the network, the kind of data, the examples; for `learn`
and the window.
"""

"""What is decided before the first step: the network, what is held out, the examples; for `learn`,
and the words of `prepare` for the command line too.
"""

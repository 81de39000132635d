"""What depends on a model's task: how probabilities become labels, and how these are counted,
stored and shown. For the rest of `segment`, for `learn`, the window and the command line.
"""

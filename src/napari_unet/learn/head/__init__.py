"""The head of a network as the solution of a convex problem: a new class is learnt from few trusted
voxels in seconds, before any other weight changes. Entered by `learn/head/fitted_head.py`.
"""

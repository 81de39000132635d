"""What runs a network on a window: torch, always there, and OpenVINO, imported when it is chosen.

For the rest of `segment` and for `learn`; `kinds`, `speed_cache` and `out_of_memory` need no torch.
"""

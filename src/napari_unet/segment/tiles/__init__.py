"""How a frame is cut into tiles, read, and put together; for `segment` alone."""

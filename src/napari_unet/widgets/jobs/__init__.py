"""Long jobs in threads, one queue for each device, the process that looks for devices, and what
waits for the event loop; for the rest of the window.
"""

"""Long jobs in threads, one queue for each device, and the process that looks for devices; for the
rest of the window.
"""

"""Threads and child processes; the only room that knows them; for the rest of the window."""

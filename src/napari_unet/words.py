"""Words that the window and the command line share: durations, sizes, colours."""

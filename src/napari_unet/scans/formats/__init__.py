"""Image files, in and out; whoever reads or writes a scan enters by `read` and `write`."""

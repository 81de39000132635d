"""One reader and writer for each kind of image file; for `scans.read` and `scans.write` alone."""

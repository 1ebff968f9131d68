"""Finished runs in a tracker, so that many of them can be searched and compared."""

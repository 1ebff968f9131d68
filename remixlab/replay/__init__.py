"""Making pictures again from what they say about themselves, which is never trusted."""

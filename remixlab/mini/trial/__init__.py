"""What the mini suite can do, measured on pictures that its training never saw."""

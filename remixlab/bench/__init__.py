"""Measuring speed: the same work by others, beside ours."""

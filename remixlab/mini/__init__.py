"""The embedded suite: a small world, the recipe that trains it, and its weights."""

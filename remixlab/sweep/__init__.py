"""Sweeps: a grid of requests, remade in batches, scored, stored and resumed."""

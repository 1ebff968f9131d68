"""Scores of pictures: raw values, a unit and a direction each; statistics are made elsewhere."""

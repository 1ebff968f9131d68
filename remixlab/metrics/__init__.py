"""Scores of pictures: raw values each, with a unit and a direction; statistics are made elsewhere."""

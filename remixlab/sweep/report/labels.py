"""Where the numbers of crowded points go, so that each can be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import cos, pi, sin

_WIDTH, _HEIGHT = 15.0, 12.0  # of a number of two digits
_DIRECTIONS = 12
_REACHES = (13.0, 20.0, 28.0, 36.0)

Place = tuple[float, float]


def placed(
    points: Sequence[Place], obstacles: Sequence[Place], room: tuple[Place, Place]
) -> list[Place]:
    """The middle of each point's label: near it, clear of other labels and, if possible, points.

    Takes the first free place on rings around the point, starting at the upper left; where none is
    free the one with the fewest collisions. `room` is from where to where x and y may go.
    """
    taken: list[Place] = []
    for point in points:
        candidates = [c for c in _around(point) if _inside(c, room)]
        taken.append(min(candidates or [point], key=lambda c: _cost(c, taken, obstacles)))
    return taken


def _around(point: Place) -> Iterator[Place]:
    for reach in _REACHES:
        for turn in range(_DIRECTIONS):
            angle = -0.75 * pi - 2 * pi * turn / _DIRECTIONS
            yield round(point[0] + reach * cos(angle), 1), round(point[1] + reach * sin(angle), 1)


def _inside(place: Place, room: tuple[Place, Place]) -> bool:
    (left, right), (top, bottom) = room
    across = left + _WIDTH / 2 <= place[0] <= right - _WIDTH / 2
    return across and top + _HEIGHT / 2 <= place[1] <= bottom - _HEIGHT / 2


def _cost(place: Place, labels: Sequence[Place], points: Sequence[Place]) -> int:
    """Labels over each other cannot be read at all; a label over a point hides only that."""
    over_labels = sum(_near(place, other, _WIDTH, _HEIGHT) for other in labels)
    over_points = sum(_near(place, other, _WIDTH / 2 + 4, _HEIGHT / 2 + 4) for other in points)
    return 100 * over_labels + over_points


def _near(one: Place, other: Place, width: float, height: float) -> bool:
    return abs(one[0] - other[0]) < width and abs(one[1] - other[1]) < height

"""The errors that a caller can act on: each names the field, the value and what is accepted.

They live below everything else so that `images` and `request` can both raise them;
`remixlab.request` exports them again.
"""

from __future__ import annotations

import numbers
from typing import Any

from PIL import Image

_SHOWN = 80  # characters of a value that a message repeats


def _shorten(value: object) -> str:
    """A value in at most 80 characters; what is no text or number only by kind and size."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, Image.Image):
        return f"<{value.mode} image of {value.width}x{value.height}>"
    if isinstance(value, str):
        value = value[:_SHOWN]
    elif value is not None and not isinstance(value, numbers.Number):
        return f"<{type(value).__name__}>"
    try:
        shown = repr(value)
    except ValueError:  # Python refuses to print integers of thousands of digits
        shown = f"<{type(value).__name__} of many digits>"
    return shown if len(shown) <= _SHOWN else shown[: _SHOWN - 3] + "..."


class RemixError(Exception):
    """Base of all errors that remixlab raises on purpose.

    Attributes:
        field: name of the request field, setting or file that is wrong.
        value: what was given; anything but text, a number or None is kept as a short
            description, so that an error never carries pixels.
        accepted: what would have been accepted, in words.
    """

    def __init__(self, *, field: str, value: object, accepted: str) -> None:
        self.field = field
        plain = value is None or isinstance(value, (str, bool, int, float))
        self.value = value if plain else _shorten(value)
        self.accepted = accepted
        super().__init__(f"{field}: got {_shorten(value)}; accepted: {accepted}")

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions pickle by positional arguments; workers in other processes need these back.
        return _rebuild, (type(self), str(self), self.__dict__)


def _rebuild(kind: type[RemixError], message: str, state: dict[str, Any]) -> RemixError:
    error = kind.__new__(kind, message)
    error.__dict__.update(state)
    return error


class InvalidRequest(RemixError, ValueError):
    """A field of the request is wrong."""


class InvalidImage(RemixError, ValueError):
    """An image cannot be used: not a supported file, broken, or of the wrong kind."""


class ImageTooLarge(InvalidImage):
    """An image has more bytes or pixels than the limits allow (HTTP answers 413)."""


class InvalidConfig(RemixError, ValueError):
    """A setting (not a request field) is wrong or needs something that is not installed."""


class MissingWeights(RemixError):
    """A model's weights are not where they were looked for."""


class InvalidRecord(RemixError, ValueError):
    """What a picture or a run folder says about itself cannot be read, or is not allowed."""


class WeightsDiffer(RemixError):
    """A part of the suite is not the one that a picture was made with."""


class TrackingFailed(RemixError):
    """A finished run could not be logged; the run itself is whole in its folder."""


class ProductAltered(RemixError):
    """A picture changed a pixel of the product where its alpha is 255."""

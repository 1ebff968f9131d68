"""Whether colours at soft alpha are the product's own, or still hold what was behind it.

A cut-out from a photograph holds C = a F + (1 - a) B, where straight alpha, which PNG defines,
holds F alone. Both are tried on what is around each pixel, and the better one is believed.
"""

from __future__ import annotations

import cv2
import numpy as np

from remixlab.product.spread import Floats, planes, push_pull, weighted

_STEP = np.float32(1 / 255)  # of a colour or of alpha
_NOISE = (3 / 255) ** 2  # below it, neither explanation is better than the other
_SLACK = 8  # of 255: noise and compression in a background that was kept
_REACH = 7.0  # pixels; standard deviation of what counts as evidence for one of them
_OVERALL = 0.3  # how much the whole picture counts beside that
_NEAR = 2.0  # pixels; standard deviation of a neighbourhood in which own colours vary little
_FREEDOM = 2  # a background that may be anything explains more, right or wrong
_FAINT = 0.05  # alpha, up to which a colour tells nothing of what is in front
_DOUBT, _BELIEF = 0.38, 0.44  # share of the evidence where an estimate begins, and is all


def share_of_mixture(colour: Floats, alpha: Floats) -> Floats:
    """How far each pixel is to be estimated: 0 as given, 1 freed of its background.

    For every soft pixel the error of C = a F + (1 - a) B, with F and B continued from where each
    shows best, against that of colours that are the product's own and hence go on from what is
    more opaque, fainter, or beside. Errors are summed over the surroundings, so that a wide soft
    area such as a shadow also decides for the edge that it touches, and mapped smoothly, so that
    no seam shows where the decision changes.

    Args:
        colour: (H, W, 3) in [0, 1].
        alpha: (H, W) in [0, 1].

    Returns:
        (H, W) in [0, 1], 0 where alpha is 0 or 1.
    """
    soft = ((alpha > 0) & (alpha < 1)).astype(np.float32)
    own = _around(_error_of_own(colour, alpha, soft), soft)
    mixed = _around(_error_of_mixture(colour, alpha), soft)
    noise = _NOISE * _around(soft, soft)
    share = own / np.maximum(own + _FREEDOM * mixed + noise, np.float32(1e-12))
    step = ((share - _DOUBT) / (_BELIEF - _DOUBT)).clip(0, 1)
    return np.asarray(soft * step * step * (3 - 2 * step), np.float32)


def shows_background(colour: Floats, alpha: Floats) -> bool:
    """Whether the colours under alpha 0 are the background that is mixed in at soft alpha.

    Many tools overwrite them with black or white. A pixel c = a F + (1 - a) B lies within a of B
    in each channel, so soft pixels farther away give it away, beside alpha 0 or anywhere. Where
    most are of that very colour, as a black shadow over black, it says nothing that they are near.
    """
    empty = (alpha == 0).astype(np.float32)
    soft = (alpha > 0) & (alpha < 1)
    near = cv2.blur(empty, (3, 3))
    rim = soft & (near > 1e-6)
    if not rim.any():
        return False
    beside = np.asarray(cv2.blur(colour * planes(empty), (3, 3)))[rim] / near[rim][:, None]
    texture = _texture(colour, empty)
    within = alpha + np.float32(_SLACK / 255 + 2 * texture)
    if (np.abs(colour[rim] - beside).max(axis=1) > within[rim]).mean() > 0.1:
        return False
    distance = np.abs(colour - _close(colour, empty)).max(axis=2)
    telling = soft & (alpha > _FAINT)
    differs = distance[telling] > 0.1 * alpha[telling] + 2 * _STEP
    impossible = distance[soft] > within[soft]
    # What is flat, as every fill is, goes on unchanged; what is not, nobody knows far away.
    few = 0.02 + min(40 * texture, 0.28)
    return bool(impossible.mean() < few and differs.sum() * 2 > differs.size)


def _texture(colour: Floats, empty: Floats) -> float:
    """How far colours under alpha 0 are from those around them, on average."""
    inner = cv2.erode(empty, np.ones((3, 3), np.uint8)) > 0
    apart = np.abs(colour - cv2.blur(colour, (3, 3)))[inner].max(axis=1, initial=0)
    return float(apart.mean()) if apart.size else 0.0


def is_premultiplied(colour: Floats, alpha: Floats) -> bool:
    """Whether colours that show black behind them were saved multiplied by alpha."""
    above = colour.max(axis=2) > alpha + 1.5 * _STEP
    return not colour[alpha == 0].any() and bool(above[alpha > 0].mean() < 0.001)


def _error_of_mixture(colour: Floats, alpha: Floats) -> Floats:
    """(H, W): squared, of a F + (1 - a) B with F and B continued from where they show best."""
    front = _opaque(colour, alpha)
    cover, clear = planes(alpha), planes(np.maximum(1 - alpha, _STEP))
    behind = ((colour - cover * front) / clear).clip(0, 1)
    seen = np.where(alpha > 0, np.square(1 - alpha), 0)
    back = _close(behind, np.asarray(seen, np.float32))
    freed = back + (colour - back) / np.maximum(cover, _STEP)
    off = colour - back - cover * (_opaque(freed.clip(0, 1), alpha) - back)
    return _squared(np.asarray(off, np.float32))


def _error_of_own(colour: Floats, alpha: Floats, soft: Floats) -> Floats:
    """(H, W): squared, of the best of three colours that do not depend on alpha."""
    faint = _spread(colour, np.where(alpha > 0, 1 - alpha, 0) ** 6)
    level, _ = weighted(colour, soft)
    sums = np.asarray(cv2.GaussianBlur(level, (0, 0), _NEAR), np.float32)
    beside = sums[..., :3] / planes(np.maximum(sums[..., 3], 1e-9))
    errors = (_squared(colour - other) for other in (faint, _close(colour, alpha**16), beside))
    return np.minimum.reduce(list(errors))


def _opaque(colour: Floats, alpha: Floats) -> Floats:
    """The colours of the most opaque pixels, spread."""
    return _spread(colour, alpha**16)


def _spread(colour: Floats, weight: Floats) -> Floats:
    return push_pull(*weighted(colour, np.asarray(weight, np.float32)))


def _close(colour: Floats, weight: Floats) -> Floats:
    """As `_spread`, but where anything is seen within three pixels, from there alone."""
    level, mean = weighted(colour, weight)
    level = np.asarray(cv2.GaussianBlur(level, (0, 0), 1), np.float32)
    total = level[..., 3]
    return push_pull(level * planes(np.minimum(1 / np.maximum(total, 1e-9), 50), 4), mean)


def _squared(difference: Floats) -> Floats:
    return np.square(difference).sum(axis=2)


def _around(plane: Floats, soft: Floats) -> Floats:
    """The sum over soft pixels nearby, and a little of their mean in the whole picture."""
    plane = plane * soft
    mean = plane.sum(dtype=np.float64) / max(soft.sum(dtype=np.float64), 1)
    local = cv2.GaussianBlur(plane, (0, 0), _REACH)
    return np.asarray(local + np.float32(_OVERALL * mean), np.float32)

"""Whether a picture that was made again is the same, and if not, what was otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL import Image, ImageChops

from remixlab.errors import WeightsDiffer
from remixlab.replay.metadata import Kept, plain
from remixlab.replay.record import Record
from remixlab.request import RemixResult

Outcome = Literal["identical", "within tolerance", "different"]
# Largest difference of one channel of one pixel, of 255, between batches of any composition. On a
# CPU 1 was measured in float32 and 0 in the others; cards round sooner in half precision.
TOLERANCE = {"float32": 2, "float16": 16, "bfloat16": 32}
_COMPARED = ("commit", "device", "dtype", "batch", "versions", "hardware", "config", "suite")
# These say nothing that is not said otherwise: the batch that it was, the device that it was.
_LEFT_OUT = ("config.runtime.batch_size", "config.runtime.device", "config.runtime.dtype")
_SHOWN = 100  # characters of a value
_UNKNOWN = (
    "nothing recorded explains it: the file was changed, or this device does not compute the "
    "same twice (see runtime.deterministic)"
)


@dataclass(frozen=True)
class Verdict:
    """The outcome for one picture.

    Attributes:
        largest: the largest difference of a channel of a pixel, 0 to 255.
        reasons: what differs between then and now, where the pictures do.
    """

    outcome: Outcome
    largest: int
    reasons: tuple[str, ...] = ()


def judge(kept: Kept, result: RemixResult) -> Verdict:
    """Compare a file with the same picture of a result."""
    again: Image.Image = getattr(result, kept.kind)  # one of metadata.PICTURES
    if kept.picture.size != again.size:
        sizes = " then, ".join(f"{p.width}x{p.height}" for p in (kept.picture, again))
        return Verdict("different", 255, (f"picture: {sizes} now",))
    largest = largest_difference(kept.picture, again)
    if largest == 0:
        return Verdict("identical", 0)
    reasons = tuple(differences(kept.described, result.provenance))
    near = largest <= TOLERANCE[result.provenance["dtype"]]
    # Another batch explains no more than the tolerance.
    if not [reason for reason in reasons if near or not reason.startswith("batch: ")]:
        reasons += (_UNKNOWN,)
    return Verdict("within tolerance" if near else "different", largest, reasons)


def largest_difference(one: Image.Image, other: Image.Image) -> int:
    """Of a channel of a pixel of two pictures of one size, 0 to 255, alpha among the channels.

    What is seen counts: a picture without alpha is one that is opaque.
    """
    bands = (picture.convert("RGBA").split() for picture in (one, other))
    apart = (ImageChops.difference(*pair) for pair in zip(*bands, strict=True))
    return max(int(np.asarray(band).max()) for band in apart)


def differences(then: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What of commit, device, batch, versions, settings and weights is not what it was."""
    old, new = (dict(_flat({k: told.get(k) for k in _COMPARED})) for told in (then, now))
    for name in [*old, *(name for name in new if name not in old)]:
        if name not in _LEFT_OUT and old.get(name) != new.get(name):
            shown = [plain(told.get(name, "not recorded"))[:_SHOWN] for told in (old, new)]
            yield f"{plain(name)[:_SHOWN]}: {shown[0]} then, {shown[1]} now"


def check_weights(record: Record, present: Mapping[str, str]) -> None:
    """Compare where the suite's parts came from with where they come from here.

    Raises:
        WeightsDiffer: naming the first part whose files, or whose commit on the hub, differ.
    """
    for part in sorted(record.suite.keys() | present.keys()):
        then, now = record.suite.get(part), present.get(part)
        if _identity(then) != _identity(now):
            raise WeightsDiffer(
                field=f"{plain(part)[:_SHOWN]} of the suite",
                value=then,
                accepted=f"what is here, {now!r}; give the right weights by an override "
                f"(model.{plain(part)[:_SHOWN]}.repo=..., .revision=...), or --any-weights",
            )


def _identity(told: str | None) -> str | None:
    """The hash where there is one: the same file may lie in a folder of another name."""
    return told.rpartition(" sha256:")[2] if told else told


def _flat(tree: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}{name}.")
        else:
            yield f"{path}{name}", value

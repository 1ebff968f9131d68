"""Many pictures at once: their size, device and randomness, and noise to paint with.

Randomness is a hash of a picture's own seed and of a counter. A picture is therefore the same in
any batch and on any device, and a card is not kept waiting for numbers from the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

_PAGE = 1000
_TEXTURE = 256  # cells a side of the texture that lies on the floor


class Streams:
    """One stream of uniform numbers a picture; `seeds` is (B,) int64."""

    def __init__(self, seeds: Tensor) -> None:
        self.seeds = seeds
        self.drawn = 0

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape) float32 in 0..1; what was drawn before decides what comes, nothing else."""
        self.drawn += 1
        keys = _scrambled((self.seeds * 1_000_003 + self.drawn * 7_919).to(torch.int32))
        places = torch.arange(math.prod(shape), dtype=torch.int32, device=keys.device)
        bits = _scrambled(keys[:, None] + places * -1_640_531_527)
        return ((bits >> 8) & 0xFFFFFF).float().div_(1 << 24).view(-1, *shape)

    def turn_page(self) -> None:
        """Start afresh where no part of the batch has been, however much each part has drawn."""
        self.drawn = (self.drawn // _PAGE + 1) * _PAGE

    def only(self, rows: Tensor) -> Streams:
        """The streams of some of the pictures, from where they are now."""
        part = Streams(self.seeds[rows])
        part.drawn = self.drawn
        return part


def _scrambled(x: Tensor) -> Tensor:
    """Bijective 32-bit hash "lowbias32" (Wellons, https://nullprogram.com/blog/2018/07/31/).

    In place on int32, whose products wrap; its shifts keep the sign, which the masks undo.
    """
    x = x ^ ((x >> 16) & 0xFFFF)
    x *= 0x7FEB352D
    x ^= (x >> 15) & 0x1FFFF
    x *= 0x846CA68B - (1 << 32)
    x ^= (x >> 16) & 0xFFFF
    return x


@dataclass
class Canvas:
    """B pictures of one size; `horizon` (B, 1, 1) is where the surface begins, 0 to 1."""

    height: int
    width: int
    horizon: Tensor
    streams: Streams
    _floor: tuple[Tensor, Tensor] | None = field(default=None, repr=False)

    @property
    def device(self) -> torch.device:
        """Where everything is painted."""
        return self.horizon.device

    @property
    def aspect(self) -> float:
        """Width over height."""
        return self.width / self.height

    def only(self, rows: Tensor) -> Canvas:
        """The canvas of some of the pictures; `rows` (K,) numbers them."""
        return Canvas(self.height, self.width, self.horizon[rows], self.streams.only(rows))

    def painted(
        self, kinds: Sequence[str], paint: Callable[[Canvas, str, Tensor], Tensor]
    ) -> Tensor:
        """All pictures, those of one kind painted together.

        `paint(canvas, kind, rows)` answers with the pictures that `rows` numbers.
        """
        result: Tensor | None = None
        for kind in sorted(set(kinds)):
            rows = torch.tensor([i for i, k in enumerate(kinds) if k == kind], device=self.device)
            part = paint(self.only(rows), kind, rows)
            if result is None:
                result = part.new_zeros(len(kinds), *part.shape[1:])
            result[rows] = part
        self.streams.turn_page()
        assert result is not None
        return result

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Tensor:
        """(B, 1, 1) random numbers."""
        return low + (high - low) * self.streams.uniform(1, 1)

    def grid(self) -> tuple[Tensor, Tensor]:
        """(1, W) and (H, 1) coordinates, both in units of the picture's height."""
        x = (torch.arange(self.width, device=self.device) + 0.5) / self.height
        y = (torch.arange(self.height, device=self.device) + 0.5) / self.height
        return x[None, :], y[:, None]

    def mirror(self, level: Tensor) -> Tensor:
        """(B, H) row numbers as seen in a mirror lying at `level` (B, 1, 1); some are outside."""
        rows = torch.arange(self.height, device=self.device)
        return (2 * level[:, :, 0] * self.height - rows).long()

    def noise(self, across: float, down: float | None = None, octaves: int = 3) -> Tensor:
        """(B, H, W) value noise of mean 0 and about unit range; `across` cells a picture height."""
        down = across if down is None else down
        return self._value_noise((self.height, self.width), (down, across * self.aspect), octaves)

    def floor(self) -> tuple[Tensor, Tensor]:
        """(B, H, W) position on the surface seen in perspective: to the side, into the depth."""
        if self._floor is None:
            x, y = self.grid()
            near = (y - self.horizon + 0.12).clamp(min=0.05)
            depth = (0.35 / near).expand(-1, -1, self.width)
            self._floor = (x - 0.5 * self.aspect) * depth, depth
        return self._floor

    def sample_floor(self, across: float, down: float, octaves: int = 3) -> Tensor:
        """(B, H, W) noise lying on the surface; `across` and `down` cells a unit of floor."""
        side, depth = self.floor()
        flat = self._value_noise((_TEXTURE, _TEXTURE), (down * 4, across * 4), octaves)
        # A triangle wave mirrors the texture where it repeats, so that no seam shows.
        where = torch.stack([(side % 2 - 1).abs(), (depth % 2 - 1).abs()], -1) * 2 - 1
        return F.grid_sample(flat[:, None], where, padding_mode="reflection", align_corners=False)[
            :, 0
        ]

    def _value_noise(
        self, size: tuple[int, int], cells: tuple[float, float], octaves: int
    ) -> Tensor:
        total = torch.zeros(1, device=self.device)
        for octave in range(octaves):
            rows, columns = (
                min(side, max(2, round(count * 2**octave)))
                for side, count in zip(size, cells, strict=True)
            )
            values = self.streams.uniform(1, rows, columns) - 0.5
            if max(rows, columns) < 48:  # smooth where single cells would show, at a quarter size
                quarter = (size[0] // 4, size[1] // 4)
                values = F.interpolate(values, quarter, mode="bicubic")
            total = total + F.interpolate(values, size, mode="bilinear")[:, 0] * 0.5**octave
        return total


def mix(a: Tensor, b: Tensor, amount: Tensor | float) -> Tensor:
    """Blend (B, 3, H, W) colours or pictures: `amount` 0 gives `a`, 1 gives `b`.

    Amounts are one number, or (B, H, W), or broadcast to it.
    """
    if isinstance(amount, Tensor):
        amount = amount[:, None]
    return a + (b - a) * amount


def smooth(value: Tensor, low: float | Tensor, high: float | Tensor) -> Tensor:
    """Smoothstep from 0 at `low` to 1 at `high`."""
    t = ((value - low) / (high - low)).clamp(0, 1)
    return t * t * (3 - 2 * t)


def blur(pictures: Tensor, amount: float) -> Tensor:
    """Cheap defocus of (B, 3, H, W) pictures by going through smaller ones; 0 leaves them."""
    height, width = pictures.shape[-2:]
    factor = 1 + amount * height / 64
    if factor < 1.3:
        return pictures
    small = (max(4, round(height / factor)), max(4, round(width / factor)))
    down = F.interpolate(pictures, small, mode="bilinear", antialias=True)
    return F.interpolate(down, (height, width), mode="bicubic").clamp(0, 1)


def gather_rows(fields: Tensor, rows: Tensor) -> Tensor:
    """Rows of (B, C, H, W) pictures by number, (B, H) -> (B, C, H, W)."""
    index = rows[:, None, :, None].expand(-1, fields.shape[1], -1, fields.shape[3])
    return fields.gather(2, index)

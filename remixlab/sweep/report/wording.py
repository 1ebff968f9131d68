"""Numbers and lists in words, the same in the page and in the Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence

from remixlab.sweep.report.estimates import Estimate

FEW = 5  # samples below which a bootstrap interval is known to be too narrow
_DECIMALS = 8


def number(value: float, *, signed: bool = False) -> str:
    """Three significant digits, without an exponent."""
    magnitude = math.floor(math.log10(abs(value))) if value else 0
    text = _rounded(value, 2 - magnitude, signed)
    return text.rstrip("0").rstrip(".") if "." in text else text


def interval(found: Estimate | None, *, signed: bool = False) -> str:
    """`mean (low to high)`; the mean alone of one sample, a dash where there is nothing.

    All three have the decimals that the interval's width deserves: two significant digits of it.
    """
    if found is None:
        return "–"
    if found.samples < 2:
        return f"{number(found.mean, signed=signed)} (one sample)"
    low, high = found.ends
    if high - low < 10**-_DECIMALS:
        return f"{number(found.mean, signed=signed)} ({number(low)} to {number(high)})"
    digits = 1 - math.floor(math.log10(high - low))
    mean = _rounded(found.mean, digits, signed)
    return f"{mean} ({_rounded(low, digits)} to {_rounded(high, digits)})"


def count(amount: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else ""


def _rounded(value: float, digits: int, signed: bool = False) -> str:
    """With so many decimals; nothing is shown as minus zero."""
    decimals = max(0, min(digits, _DECIMALS))
    text = f"{value:+.{decimals}f}" if signed else f"{value:.{decimals}f}"
    return text.lstrip("+-") if float(text) == 0 else text

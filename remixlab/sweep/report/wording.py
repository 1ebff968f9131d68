"""Numbers and lists in words, the same in the page and in the Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from remixlab.sweep.report.estimates import Estimate

FEW = 5  # samples below which a bootstrap interval is known to be too narrow


def number(value: float, *, signed: bool = False) -> str:
    """Three significant digits, without an exponent where that can be avoided."""
    if abs(value) >= 1000:
        return f"{value:+.0f}" if signed else f"{value:.0f}"
    text = f"{value:+.3g}" if signed else f"{value:.3g}"
    return text.lstrip("+-") if float(text) == 0 else text


def interval(found: Estimate | None, *, signed: bool = False) -> str:
    """`mean (low to high)`; the mean alone of one sample, a dash where there is nothing."""
    if found is None:
        return "–"
    mean = number(found.mean, signed=signed)
    if found.samples < 2:
        return f"{mean} (one sample)"
    return f"{mean} ({number(found.interval.low)} to {number(found.interval.high)})"


def count(amount: int, noun: str) -> str:
    """`1 cell`, `2 cells`."""
    return f"{amount} {noun}" if amount == 1 else f"{amount} {noun}s"


def listed(parts: Sequence[str]) -> str:
    """`a, b and c`."""
    return " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]])) if parts else ""

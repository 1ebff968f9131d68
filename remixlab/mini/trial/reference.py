"""Does a background look like its own reference, rather than like seven others?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PIL import Image

from remixlab import RemixRequest
from remixlab.metrics.intervals import bootstrap
from remixlab.metrics.style import ReferenceRank
from remixlab.mini.trial.studio import AMONG, Finding, Studio, held_out_references

CHANCE = 1 / AMONG
_GROUPS, _SEEDS = 4, (1, 2)


def reference_findings(studio: Studio) -> Iterator[Finding]:
    """Share of images whose true reference ranks first, over style_fidelity."""
    drawn = held_out_references(_GROUPS * AMONG)
    groups = [drawn[i : i + AMONG] for i in range(0, len(drawn), AMONG)]
    for style, least in ((1.0, 0.8), (0.7, 0.65)):
        yield _finding(studio, groups, style, f"at least {least:.0%}", least)
    yield _finding(studio, groups, 0.0, f"{CHANCE:.1%}, 5 points more or less", None)
    if studio.photographs:
        often = [studio.photographs] * _GROUPS  # each time with other products
        yield _finding(studio, often, 1.0, "at least 60%", 0.6, "photographs: ")


def _finding(
    studio: Studio,
    groups: Sequence[Sequence[Image.Image]],
    style: float,
    wanted: str,
    least: float | None,
    prefix: str = "",
) -> Finding:
    raw = [
        float(rank == 1)
        for number, group in enumerate(groups)
        for rank in _ranks(studio, group, style, number)
    ]
    value = bootstrap(raw)
    holds = abs(value.mean - CHANCE) <= 0.05 if least is None else value.mean >= least
    what = f"{prefix}true reference ranks first of {AMONG}, style_fidelity {style:g}"
    return Finding(what, wanted, value, holds, raw)


def _ranks(
    studio: Studio, group: Sequence[Image.Image], style: float, number: int
) -> Iterator[float]:
    """Every reference of the group with the same products and seeds."""
    requests = [
        RemixRequest(
            product_image=studio.product(number * len(_SEEDS) + place),
            ref_image=reference,
            prompt="product photograph",
            seed=seed,
            style_fidelity=style,
        )
        for place, seed in enumerate(_SEEDS)
        for reference in group
    ]
    rank = ReferenceRank(group)
    for picture in studio.pictures(requests, f"style {style:g}"):
        yield rank.of(picture)

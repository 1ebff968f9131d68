"""What outline_fidelity does: less grows out of the product, and there is less to see.

Growth is measured twice. As users have it, the product is held in its place while the rest is
denoised, and little grows at any setting. With `hold_product=false` the outline alone says where
the product is: that is what the dial does by itself, and what is judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

from remixlab import Remixer, RemixRequest
from remixlab.metrics.intervals import bootstrap, bootstrap_ratio
from remixlab.metrics.metric import Metric, Picture
from remixlab.metrics.outline import BandEnergy, Growth
from remixlab.metrics.richness import EdgeDensity
from remixlab.mini.trial.studio import Finding, Studio, held_out_references

DIALS = (0.0, 0.5, 1.0, 1.5, 2.0)
_SEEDS = 12


def outline_findings(studio: Studio) -> Iterator[Finding]:
    """Growth, edge energy and richness over the dial, the same seeds and references at each."""
    yield from _free_growth(studio)
    pictures = {dial: _pictures(studio, dial) for dial in DIALS}
    for dial in (0.0, 1.0):
        raw = Growth().score(pictures[dial])
        what = f"product held: growth at outline_fidelity {dial:g}, share of the product"
        yield Finding(what, "", bootstrap(raw), True, raw)
    yield _difference(BandEnergy(), pictures[1.0], pictures[0.0])
    yield _richness([EdgeDensity().score(pictures[dial]) for dial in DIALS])


def _free_growth(studio: Studio) -> Iterator[Finding]:
    config = replace(studio.remixer.config, hold_product=False)
    free = replace(studio, remixer=Remixer(studio.remixer.suite, config))
    growth = {dial: Growth().score(_pictures(free, dial)) for dial in (0.0, 1.0)}
    value = bootstrap_ratio(growth[1.0], growth[0.0])
    what = "growth outside the mask at outline_fidelity 1, share of that at 0"
    yield Finding(what, "at most 0.333", value, value.mean <= 1 / 3, growth[1.0] + growth[0.0])
    for dial in (0.0, 1.0):
        own = bootstrap(growth[dial])
        what = f"growth outside the mask at outline_fidelity {dial:g}, share of the product"
        yield Finding(what, "", own, True, growth[dial])


def _difference(metric: Metric, after: Sequence[Picture], before: Sequence[Picture]) -> Finding:
    raw = [a - b for a, b in zip(metric.score(after), metric.score(before), strict=True)]
    value = bootstrap(raw)
    what = f"edge energy outside the outline at 1 less that at 0, {metric.unit}"
    return Finding(what, "below 0", value, value.high < 0, raw)


def _richness(scores: Sequence[list[float]]) -> Finding:
    """Edge density at 2 as a share of that at 0; it has to fall at every step between."""
    value = bootstrap_ratio(scores[-1], scores[0])
    means = [sum(values) / len(values) for values in scores]
    falls = all(after < before for before, after in pairwise(means))
    steps = ", ".join(f"{mean:.3f}" for mean in means)
    return Finding(
        f"edge density at outline_fidelity 2, share of that at 0 (at 0, 0.5 ... 2: {steps})",
        "at most 0.8, falling all the way",
        value,
        falls and value.mean <= 0.8,
        [v for values in scores for v in values],
    )


def _pictures(studio: Studio, dial: float) -> list[Picture]:
    requests = [
        RemixRequest(
            product_image=studio.product(seed),
            ref_image=reference,
            prompt="product photograph",
            seed=seed,
            outline_fidelity=dial,
        )
        for reference in held_out_references(4)
        for seed in range(1, _SEEDS + 1)
    ]
    return studio.pictures(requests, f"outline {dial:g}")

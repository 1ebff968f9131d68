"""A latency run's folder for a tracker."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from remixlab.bench.compare import LatencyRun, read_latency
from remixlab.bench.record import beside, numbers
from remixlab.errors import InvalidConfig
from remixlab.tracking.facts import Facts, Point, settings_of, tags_of, there

_FILES = ("table.md", "stages.png", "raw.json", "samples.parquet", "config.yaml", "operators.txt")


def latency_facts(folder: Path) -> Facts:
    """What a latency run measured.

    Raises InvalidConfig for a folder that cannot be read; it names the path.
    """
    run = read_latency(folder)
    environment = run.raw["environment"]
    try:
        points, notes = tuple(_points(run)), " ".join(run.raw["notes"])
    except (KeyError, TypeError, AttributeError) as error:
        accepted = f"what a latency run writes ({error!r})"
        raise InvalidConfig(
            field="run", value=str(folder / "raw.json"), accepted=accepted
        ) from error
    return Facts(
        kind="latency",
        complete=True,  # its files are written at its end
        settings=settings_of(folder) | {"dtype": str(environment.get("dtype", "unknown"))},
        points=points,
        tags=tags_of(environment, notes=notes),
        files={"": there(folder, *_FILES)},
    )


def _points(run: LatencyRun) -> Iterator[Point]:
    """The numbers of the table: seconds and ratios of each size, and peak memory in bytes."""
    yield Point("load_s", run.raw["load"])
    yield Point("first_remix_s", run.raw["first"]["total"])
    for name, size in run.raw["memory"].items():
        yield Point(f"peak_memory_bytes/{name}", size)
    for tag, ours in run.seconds.items():
        floor = sum(run.raw["floor_seconds"][tag].values())
        stock = beside(run.stock[tag], ours) if tag in run.stock else {}
        for name, value in (numbers(ours, floor) | stock).items():
            yield Point(f"{tag}/{name}", value)

"""What is counted, in which order, and what is made of it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from remixlab.bench import card
from remixlab.bench.compare import compare_runs, read_latency
from remixlab.bench.config import LatencyConfig, register_latency
from remixlab.bench.floor import Rates, Work
from remixlab.bench.latency import Counting, Run, Sample, StockWay, Way, measure
from remixlab.bench.measured import Measured
from remixlab.bench.record import write_results
from remixlab.bench.run import framed, requests_of, run_latency
from remixlab.cli import app
from remixlab.config import compose_config
from remixlab.environment import describe_environment
from remixlab.errors import InvalidConfig
from remixlab.request import RemixRequest
from tests.conftest import make_product

register_latency()
REQUESTS = {
    size: RemixRequest(product_image=make_product(64, 64), seed=1) for size in ("square", "tall")
}


@dataclass
class FakeWay:
    """Takes the seconds of its list in turn, the last of them for ever."""

    name: str
    seconds: list[float]
    log: list[tuple[str, str]]
    calls: dict[str, int] = field(default_factory=dict)

    def once(self, request: RemixRequest) -> Run:
        """See `Way`."""
        size = next(tag for tag, own in REQUESTS.items() if own is request)
        number = self.calls.get(size, 0)
        self.calls[size] = number + 1
        self.log.append((self.name, size))
        seconds = self.seconds[min(number, len(self.seconds) - 1)]
        return Run(seconds, {"denoise": seconds / 2, "decode": seconds / 2})


def ways(log: list[tuple[str, str]], ours: list[float], stock: list[float]) -> list[Way]:
    return [FakeWay("remixlab", ours, log), FakeWay("stock diffusers", stock, log)]


def test_sizes_in_turn_and_ways_a_b_a_b() -> None:
    log: list[tuple[str, str]] = []
    list(measure(ways(log, [1.0], [2.0]), REQUESTS, Counting(runs=4, seconds=0)))
    turn = [(way, size) for size in REQUESTS for way in ("remixlab", "stock diffusers")]
    assert log == turn * 10  # six to see that it is steady, four that count


def test_every_run_is_one_sample_of_its_own_way_and_size() -> None:
    log: list[tuple[str, str]] = []
    samples = list(measure(ways(log, [1.0], [2.0]), REQUESTS, Counting(runs=3, seconds=0)))
    assert [(s.way, s.size) for s in samples] == log
    assert all(s.run.total == (1.0 if s.way == "remixlab" else 2.0) for s in samples)
    counts = Counter((s.way, s.size, s.counted) for s in samples)
    assert set(counts.values()) == {3, 6} and len(counts) == 8
    numbers = [
        s.number for s in samples if (s.way, s.size, s.counted) == ("remixlab", "tall", True)
    ]
    assert numbers == [1, 2, 3]


def test_nothing_counts_before_it_is_steady() -> None:
    falling = [9.0, 7.0, 5.0, 4.0, 3.0, 2.5, 2.0, 1.0]
    way = FakeWay("remixlab", falling, [])
    samples = list(measure([way], REQUESTS, Counting(runs=2, seconds=0, patience=99)))
    assert {s.run.total for s in samples if s.counted} == {1.0}


def test_what_never_gets_steady_is_counted_after_a_while() -> None:
    way = FakeWay("remixlab", [float(n % 7 + 1) * 2 ** (n % 5) for n in range(99)], [])
    samples = list(measure([way], REQUESTS, Counting(runs=2, seconds=0, patience=12)))
    assert sum(not s.counted for s in samples) <= 2 * 12


def test_short_runs_are_repeated_until_the_seconds_are_full() -> None:
    way = FakeWay("remixlab", [0.5], [])
    samples = list(measure([way], REQUESTS, Counting(runs=2, seconds=5)))
    assert Counter(s.size for s in samples if s.counted) == {"square": 10, "tall": 10}


def measured(samples: list[Sample]) -> Measured:
    config = cast(LatencyConfig, compose_config(name="latency"))
    work = {size: {"unet": Work(10**9, 10**6), "decode": Work(0, 10**9)} for size in REQUESTS}
    environment = describe_environment() | {"dtype": "float32"}  # as of a run with a suite
    return Measured(
        config, environment, 0.5, {"total": 3.0}, samples, Rates(1e10, 1e10), work,
        {"process": 2e9}, [], ["A note."], None,
    )  # fmt: skip


def test_results_say_what_was_measured(tmp_path: Path) -> None:
    samples = list(measure(ways([], [1.0], [2.5]), REQUESTS, Counting(runs=3, seconds=0)))
    table = write_results(measured(samples), tmp_path)
    # The floor: a tenth of a second for 1e9 operations, another for 1e9 bytes.
    assert (
        "| 1024x1024 | **1.000** | 1.000 to 1.000 | 1.000 | 0.200 | 5.0 | 2.500 | **2.50** |"
        in (table)
    )
    assert table.startswith("mini, 8 steps, float32, ") and "compile" not in table
    assert "| size | median s |" in table and "| stock diffusers s | / ours |" in table
    assert "A note." in table and table == (tmp_path / "table.md").read_text()
    rows = pq.read_table(tmp_path / "samples.parquet").to_pylist()
    assert len(rows) == len(samples) and sum(row["counted"] for row in rows) == 12
    raw = json.loads((tmp_path / "raw.json").read_text())
    assert raw["floor_seconds"]["tall"] == {"unet": 0.1, "decode": 0.1}
    with Image.open(tmp_path / "stages.png") as plot:
        assert plot.width > 1000


def test_stock_in_another_precision_has_columns_of_its_own(tmp_path: Path) -> None:
    plain = StockWay(lambda _: None, torch.device("cpu"), "float32")
    three = [*ways([], [1.0], [2.5]), FakeWay(plain.name, [4.0], [])]
    samples = list(measure(three, REQUESTS, Counting(runs=3, seconds=0)))
    table = write_results(measured(samples), tmp_path)
    assert "| stock diffusers s | / ours | stock diffusers, float32 s | / ours |" in table
    assert "| 2.500 | **2.50** | 4.000 | **4.00** |" in table
    run = read_latency(tmp_path)
    assert run.seconds["tall"] == [1.0] * 3 and run.stock["tall"] == [2.5] * 3


def test_energy_is_what_the_counter_rose_by(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    millijoules = iter(range(0, 10**9, 2500))
    card_counts = SimpleNamespace(
        NVMLError=OSError,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=lambda _: next(millijoules),
    )
    monkeypatch.setattr(card, "_nvml", lambda: card_counts)
    way = StockWay(lambda _: None, torch.device("cpu"))
    (request,) = list(REQUESTS.values())[:1]
    assert way.once(request).joules is None  # a CPU has no such counter
    way.meter.energy = card.energy_meter(torch.device("cuda"))
    assert way.once(request).joules == 2.5
    samples = list(measure([way], REQUESTS, Counting(runs=2, seconds=0)))
    ours = list(measure(ways([], [1.0], [2.0])[:1], REQUESTS, Counting(runs=2, seconds=0)))
    table = write_results(measured([*ours, *samples]), tmp_path)
    assert "Energy of a remix, stock diffusers (mean): 1024x1024 2 J, 768x1344 2 J." in table
    assert "Energy of a remix, remixlab" not in table


def test_a_card_without_a_counter_has_no_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: int) -> float:
        raise OSError

    old = SimpleNamespace(
        NVMLError=OSError,
        nvmlDeviceGetHandleByIndex=lambda index: index,
        nvmlDeviceGetTotalEnergyConsumption=fail,
    )
    monkeypatch.setattr(card, "_nvml", lambda: old)
    assert card.energy_meter(torch.device("cuda:1"))() is None


def test_runs_are_compared_with_the_first(tmp_path: Path) -> None:
    for name, seconds in (("before", 1.0), ("after", 0.5)):
        way = ways([], [seconds], [9.0])
        samples = list(measure(way, REQUESTS, Counting(runs=2, seconds=0)))
        write_results(measured(samples), tmp_path / name)
    path = compare_runs([tmp_path / "before", tmp_path / "after"], tmp_path / "both")
    assert "| 1024x1024 | 1.000 | 0.500 (2.00 x) |" in path.read_text()
    assert "1. before: mini, 8 steps" in path.read_text()
    result = CliRunner().invoke(app, ["report", str(tmp_path / "after")])
    assert result.exit_code == 0 and "latency.md" in result.stdout


def test_what_is_no_latency_run_is_named(tmp_path: Path) -> None:
    (tmp_path / "samples.parquet").write_text("nothing")
    (tmp_path / "raw.json").write_text("{}")
    with pytest.raises(InvalidConfig, match=tmp_path.name):
        compare_runs([tmp_path], tmp_path)


def test_products_are_framed_whole(tmp_path: Path) -> None:
    framed_product = framed(make_product(300, 100), (768, 1344))
    box = framed_product.getchannel("A").getbbox()
    assert framed_product.size == (768, 1344) and box is not None
    assert 0.3 < (box[2] - box[0]) / 768 < 0.61 and box[3] < 1344 * 0.91


def test_an_unknown_size_is_named() -> None:
    config = cast(LatencyConfig, compose_config(name="latency"))
    config.sizes = ["square", "round"]
    with pytest.raises(InvalidConfig, match=r"sizes.*ultrawide"):
        requests_of(config)


def test_a_whole_run_on_the_mini_suite(tmp_path: Path) -> None:
    short = ["sizes=[ultrawide]", "runs=1", "seconds=0", "patience=1", "steps=1"]
    overrides = [*short, "runtime.dtype=bfloat16"]
    config = cast(LatencyConfig, compose_config(overrides, name="latency"))
    found = run_latency(config)
    assert {(s.way, s.size) for s in found.samples} == {
        ("remixlab", "ultrawide"),
        ("stock diffusers", "ultrawide"),
        ("stock diffusers, float32", "ultrawide"),
    }
    work = found.work["ultrawide"]
    assert set(work) == {
        "text", "reference", "outline", "encode", "unet", "controlnet", "decode"
    }  # fmt: skip
    assert all(part.flops > 0 and part.bytes > 0 for part in work.values())
    assert found.environment["dtype"] == "bfloat16" and "unet" in found.environment["suite"]
    assert "1536x640" in write_results(found, tmp_path)

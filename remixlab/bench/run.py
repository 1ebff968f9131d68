"""One latency run, in the process that it has to itself: `python -m remixlab.bench.run FOLDER`.

The folder holds `config.yaml`; what was measured is written beside it.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from omegaconf import OmegaConf
from PIL import Image
from rich.progress import Progress
from transformers.utils.logging import disable_progress_bar

from remixlab import images
from remixlab.bench.card import sampled
from remixlab.bench.config import LatencyConfig
from remixlab.bench.floor import count_work, measure_rates
from remixlab.bench.latency import Counting, OurWay, Sample, StockWay, Way, measure
from remixlab.bench.measured import Measured
from remixlab.bench.probe import take_probe
from remixlab.bench.profile import write_profile
from remixlab.bench.record import write_results
from remixlab.bench.stock import stock_remixers
from remixlab.config import typed_config
from remixlab.environment import describe_run, process_peak
from remixlab.errors import InvalidConfig
from remixlab.remix import Remixer
from remixlab.request import SIZES, RemixRequest
from remixlab.telling import one_line

_SHARE = 0.6  # of the picture's sides that the product fills at most


def run_latency(config: LatencyConfig) -> Measured:
    """Load, make the first remix, count, warm up and time, in this order.

    Raises:
        InvalidConfig: an unknown size.
    """
    requests = requests_of(config)
    start = time.perf_counter()
    remixer = Remixer.from_settings(config)
    load = time.perf_counter() - start
    device = remixer.suite.device
    ours = OurWay(remixer)
    first = ours.once(next(iter(requests.values())))
    ways, notes = _ways(config, remixer, ours)
    rates = measure_rates(device, remixer.suite.dtype)
    work = {size: count_work(remixer, [request]) for size, request in requests.items()}
    counting = Counting(config.runs, config.seconds, patience=config.patience)
    with sampled(device) as card, Progress(transient=True) as progress:
        task = progress.add_task("timing", total=None)

        def tell(sample: Sample) -> None:
            about = f"{sample.way}, {sample.size}: {sample.run.total:.2f} s"
            progress.update(task, advance=1, description=about)

        samples = list(measure(ways, requests, counting, tell))
    return Measured(
        config, describe_run(remixer.suite), load, {"total": first.total, **first.stages}, samples,
        rates, work, _memory(remixer, list(requests.values())), card, notes,
        None if config.model.weights == "random" else take_probe(config.model.name),
    )  # fmt: skip


def requests_of(config: LatencyConfig) -> dict[str, RemixRequest]:
    """One request a size, the product framed to it.

    Raises InvalidConfig for a size that is none of the seven.
    """
    product = images.decode(config.product_image, field="product_image")
    reference = images.decode(config.ref_image, field="ref_image")
    unknown = [tag for tag in config.sizes if tag not in SIZES]
    if unknown or not config.sizes:
        accepted = f"some of {', '.join(SIZES)}"
        raise InvalidConfig(field="sizes", value=unknown or "[]", accepted=accepted)
    return {
        tag: RemixRequest(
            product_image=framed(product, (SIZES[tag].width, SIZES[tag].height)),
            ref_image=reference,
            prompt=config.prompt,
            seed=1,
        )
        for tag in config.sizes
    }


def framed(product: Image.Image, size: tuple[int, int]) -> Image.Image:
    """The product in the lower middle of a transparent picture of `size` (width, height)."""
    width, height = size
    scale = _SHARE * min(width / product.width, height / product.height)
    small = images.resize(product, (round(product.width * scale), round(product.height * scale)))
    frame = Image.new("RGBA", size)
    frame.paste(small, ((width - small.width) // 2, round(0.9 * height) - small.height))
    return frame


def _ways(config: LatencyConfig, remixer: Remixer, ours: OurWay) -> tuple[list[Way], list[str]]:
    """Ours and the stock pipeline's with the same weights, see `stock_remixers`."""
    notes = ["The weights are random."] if config.model.weights == "random" else []
    if not config.stock:
        return [ours], notes
    *others, (_, same) = stock_remixers(remixer).items()
    device = remixer.suite.device
    stocks = [StockWay(same.remix, device)]
    stocks += [StockWay(other.remix, device, precision) for precision, other in others]
    return [ours, *stocks], notes


def _memory(remixer: Remixer, requests: Sequence[RemixRequest]) -> dict[str, float]:
    """Peak bytes in a pass of its own: the card's, else those of the process so far."""
    if remixer.suite.device.type != "cuda":
        return {"process": process_peak()}
    torch.cuda.reset_peak_memory_stats()
    for request in requests:
        remixer.remix(request)
    free, total = torch.cuda.mem_get_info()
    return {
        "allocated": torch.cuda.max_memory_allocated(),
        "reserved": torch.cuda.max_memory_reserved(),
        "card": total - free,
    }


def main(folder: Path) -> None:
    """Measure what `config.yaml` says and write the results beside it; profile if it says so."""
    schema = OmegaConf.structured(LatencyConfig)
    config = typed_config(OmegaConf.merge(schema, OmegaConf.load(folder / "config.yaml")))  # pyright: ignore[reportArgumentType]
    disable_progress_bar()  # one bar of ours instead of one for every part of the suite
    print(write_results(run_latency(config), folder))
    if config.profile:
        request = next(iter(requests_of(config).values()))
        write_profile(Remixer.from_settings(config), request, folder)


if __name__ == "__main__":
    with one_line():
        main(Path(sys.argv[1]))

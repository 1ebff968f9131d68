"""Where one remix spends its time, operator by operator: torch's own profiler.

Apart from the timing and after it, for recording every operator slows all of them down.
"""

from __future__ import annotations

from pathlib import Path

from torch.profiler import ProfilerActivity, profile

from remixlab.files import whole, write_whole
from remixlab.remix import Remixer
from remixlab.request import RemixRequest
from remixlab.runtime import wait_for

_OPERATORS = 30


def write_profile(remixer: Remixer, request: RemixRequest, folder: Path) -> None:
    """Make `request` once more and write what ran.

    `trace.json.gz` opens in https://ui.perfetto.dev; `operators.txt` holds the operators that
    take most time by themselves, on the card where there is one, with the shapes they ran on.
    """
    cuda = remixer.suite.device.type == "cuda"
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if cuda else [])]
    remixer.remix(request)  # what happens once in a process is not what is asked
    with profile(activities=activities, record_shapes=True) as profiler:
        remixer.remix(request)
        wait_for(remixer.suite.device)
    with whole(folder / "trace.json.gz") as partial:
        profiler.export_chrome_trace(str(partial))
    key = "self_cuda_time_total" if cuda else "self_cpu_time_total"
    averages = profiler.key_averages(group_by_input_shape=True)
    table = averages.table(sort_by=key, row_limit=_OPERATORS, max_shapes_column_width=60)
    write_whole(folder / "operators.txt", table + "\n")

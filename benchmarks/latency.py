"""How long a remix takes at each of the seven sizes: `python benchmarks/latency.py`.

    python benchmarks/latency.py                                    all sizes, and stock diffusers
    python benchmarks/latency.py sizes=[square] runs=30             one size, longer
    python benchmarks/latency.py --multirun model=mini steps=4,8    each in a process of its own
    python benchmarks/latency.py sizes=[square] profile=true       a trace, and a table of operators
    python benchmarks/latency.py model=sdxl model.weights=random    without the hub: times only
    python benchmarks/latency.py tracking=mlflow                    log it when it is done

Results go to benchmarks/results/DATE_SUITE_DEVICE_COMMIT/: raw values, a table, a plot.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

import hydra
from omegaconf import DictConfig, OmegaConf

from remixlab.bench.config import LatencyConfig, register_latency
from remixlab.config import config_folder, typed_config
from remixlab.environment import describe_environment
from remixlab.files import write_whole
from remixlab.outputs import check_folder
from remixlab.telling import one_line
from remixlab.tracking.config import check_tracking

register_latency()


@hydra.main(version_base=None, config_path=str(config_folder().resolve()), config_name="latency")
def main(composed: DictConfig) -> None:
    """Write the settings to a new folder and measure in a new process."""
    with one_line():
        config: LatencyConfig = typed_config(composed)
        check_tracking(config.tracking)
        check_folder("out", Path(config.out))
        folder = _new_folder(config)
        write_whole(folder / "config.yaml", OmegaConf.to_yaml(OmegaConf.create(asdict(config))))
        print(f"results: {folder}", flush=True)
        command = [sys.executable, "-m", "remixlab.bench.run", str(folder)]
        done = subprocess.run(command, check=False)
        if done.returncode:
            sys.exit(done.returncode)
        if config.tracking.tracker == "mlflow":
            from remixlab.tracking.log import track  # a run that is not tracked does not wait

            print(f"tracked: {track(folder, config.tracking)}")


def _new_folder(config: LatencyConfig) -> Path:
    """DATE_SUITE_DEVICE_COMMIT, with a number where that is there already."""
    environment = describe_environment()
    device = (environment["gpu"] or {}).get("name", "cpu")
    commit = ((environment["git"] or {}).get("commit") or "unknown")[:8]
    date = datetime.now(timezone.utc).date().isoformat()
    plain = re.sub(r"[^A-Za-z0-9]+", "-", device)
    name = f"{date}_{config.model.name}_{plain}_{commit}"
    for number in range(1, 1000):
        folder = Path(config.out) / (name if number == 1 else f"{name}_{number}")
        if not folder.exists():
            folder.mkdir(parents=True)
            return folder
    raise RuntimeError(f"{name} is there a thousand times")


if __name__ == "__main__":
    main()

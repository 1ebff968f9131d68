"""Sweep request fields over a grid and score every picture: `python benchmarks/fidelity.py`.

    python benchmarks/fidelity.py                                 the two dials, 400 cells
    python benchmarks/fidelity.py dry_run=true                    what it would cost
    python benchmarks/fidelity.py experiment=guidance             another grid (configs/experiment)
    python benchmarks/fidelity.py 'sweep.axes.seed=[1,2]' name=short
    python benchmarks/fidelity.py --multirun model=mini,sdxl      one run folder for each suite
    python benchmarks/fidelity.py --multirun steps=4,8            one for each number of steps
    python benchmarks/fidelity.py tracking=mlflow                 log it when it is done

A run that was interrupted goes on where it stopped when the same command is given again.
`remixlab report RUN...` makes the report again, and compares runs.
"""

from __future__ import annotations

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig
from rich import print
from transformers.utils.logging import disable_progress_bar

from remixlab.config import config_folder, typed_config
from remixlab.sweep.config import FidelityConfig, register_fidelity
from remixlab.sweep.fidelity import Sweep
from remixlab.sweep.multirun import suffix
from remixlab.sweep.report import write_report
from remixlab.telling import one_line
from remixlab.tracking.config import check_tracking

register_fidelity()


@hydra.main(version_base=None, config_path=str(config_folder().resolve()), config_name="fidelity")
def main(composed: DictConfig) -> None:
    """Plan and run one sweep, and write its report."""
    with one_line(kept="what is made is kept, and the same command goes on with it"):
        config: FidelityConfig = typed_config(composed)
        hydra_config = HydraConfig.get() if HydraConfig.initialized() else None
        if hydra_config and hydra_config.mode == RunMode.MULTIRUN:
            config.name += suffix(sys.argv[1:], hydra_config.overrides.task)
        check_tracking(config.tracking)
        disable_progress_bar()  # one bar of ours instead of one for every part of the suite
        sweep = Sweep.prepare(config)
        print(str(sweep.plan()) if config.dry_run else f"{len(sweep.cells)} cells")
        if not config.dry_run:
            folder = sweep.run()
            print(f"report: {write_report([folder], folder)}")
            if config.tracking.tracker == "mlflow":
                from remixlab.tracking.log import track

                print(f"tracked: {track(folder, config.tracking)}")


if __name__ == "__main__":
    main()

"""Train the mini suite: `python scripts/train_mini.py [key=value ...]`, resumable at any time."""

from __future__ import annotations

import hydra
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig, OmegaConf

from remixlab.mini.train import TrainConfig, train
from remixlab.runtime import resolve_device
from remixlab.scratch import register_scratch
from remixlab.telling import one_line

register_scratch()
ConfigStore.instance().store(name="train_schema", node=TrainConfig)


@hydra.main(version_base=None, config_path="../configs", config_name="train_mini")
def main(config: DictConfig) -> None:
    """Run the recipe and say where the weights are."""
    settings = OmegaConf.to_object(config)
    if not isinstance(settings, TrainConfig):
        raise TypeError(f"expected a TrainConfig, got {type(settings).__name__}")
    with one_line(kept="what is trained is kept, and the same command goes on with it"):
        print(f"weights written to {train(settings, resolve_device(settings.device))}")


if __name__ == "__main__":
    main()

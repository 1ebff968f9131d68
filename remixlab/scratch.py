"""Where Hydra puts what it writes by itself: a folder that goes when the process ends.

Its `--multirun` always writes a file about itself, into the working folder unless told otherwise.
"""

from __future__ import annotations

import tempfile
from functools import cache

from omegaconf import OmegaConf


def register_scratch() -> None:
    """Make `${scratch:}` known to configs; an app calls it before its `main` is decorated."""
    OmegaConf.register_new_resolver("scratch", lambda: _folder().name, replace=True)


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="remixlab-hydra-")

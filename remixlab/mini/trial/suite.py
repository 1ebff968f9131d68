"""The weights themselves: what the autoencoder keeps, how large they are, how fast a remix is."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor

from remixlab import images
from remixlab.metrics.intervals import Interval, bootstrap
from remixlab.mini.dataset import HELD_OUT, training_pairs
from remixlab.mini.render import render
from remixlab.mini.scenes import draw_scene
from remixlab.mini.trial.studio import Finding, Studio
from remixlab.models.vae import decode_latents, encode_pixels
from remixlab.reference import fit_square

_SCENES = 32
# Everything after import: the suite is read from disk, the outline drawn, the picture composited.
_TIMED = """
import sys, time
from PIL import Image
from remixlab import Remixer, RemixRequest
product = Image.new("RGBA", (1024, 1024))
product.paste((90, 120, 60, 255), (380, 300, 640, 800))
reference = Image.linear_gradient("L").convert("RGB")
start = time.perf_counter()
Remixer.from_config("mini", overrides=sys.argv[1:]).remix(
    RemixRequest(product_image=product, ref_image=reference, prompt="product photograph", seed=1)
)
print(time.perf_counter() - start)
"""


def suite_findings(studio: Studio, folder: Path, overrides: Sequence[str]) -> Iterator[Finding]:
    """Autoencoder, megabytes and seconds of the weights in `folder`."""
    side = studio.remixer.suite.spec.native_size(1024, 1024)[0]
    scenes = training_pairs(range(HELD_OUT, HELD_OUT + _SCENES), (side, side)).images
    yield _psnr(studio, scenes, "held-out scenes", 28)
    if studio.photographs:
        resized = [images.to_tensor(fit_square(p, side, "crop"))[0] for p in studio.photographs]
        yield _psnr(studio, (torch.stack(resized) + 1) / 2, "real photographs", 24)
    scorer = folder / "scorer"
    yield _megabytes("the suite", [p for p in _files(folder) if scorer not in p.parents], 40)
    yield _megabytes("the scorer", _files(scorer), 10)
    yield _seconds(overrides)
    yield _scenes_a_second()


@torch.inference_mode()
def _psnr(studio: Studio, pictures: Tensor, of_what: str, least: float) -> Finding:
    vae, raw = studio.remixer.suite.vae, []
    for picture in (pictures * 2 - 1).split(1):
        latents = encode_pixels(vae, picture.to(studio.remixer.suite.device))
        again = decode_latents(vae, latents).cpu()
        raw.append(float(-10 * ((again - picture) / 2).square().mean().log10()))
    value = bootstrap(raw)
    what = f"PSNR of the autoencoder on {of_what} at native size, dB"
    return Finding(what, f"at least {least:g}", value, value.mean >= least, raw)


def _scenes_a_second() -> Finding:
    """Drawn in batches of eight, as training draws them."""
    scenes = [draw_scene(number) for number in range(HELD_OUT, HELD_OUT + 8)]
    render(scenes, (256, 256))
    raw = []
    for _ in range(10):
        start = time.perf_counter()
        render(scenes, (256, 256))
        raw.append(len(scenes) / (time.perf_counter() - start))
    value = bootstrap(raw)
    what = "scenes of 256x256 drawn a second in one process"
    return Finding(what, "at least 40", value, value.mean >= 40, raw)


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _megabytes(what: str, files: Sequence[Path], most: float) -> Finding:
    size = sum(path.stat().st_size for path in files) / 1e6
    value = Interval(size, size, size)
    return Finding(f"size of {what}, MB", f"at most {most:g}", value, 0 < size <= most, [size])


def _seconds(overrides: Sequence[str]) -> Finding:
    """A new process each time, for what is loaded once is loaded for the first time there."""
    command = [sys.executable, "-c", _TIMED, *overrides]
    raw = [
        float(
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()[-1]
        )
        for _ in range(5)
    ]
    value = bootstrap(raw)
    what = "first 1024x1024 remix of a process, loading included, seconds"
    return Finding(what, "at most 10", value, value.high <= 10, raw)

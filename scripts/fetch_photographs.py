"""Fetch the real photographs that the mini suite is scored with: they come with packages on PyPI.

`python scripts/fetch_photographs.py` unpacks eight files into `photographs/`, each checked by its
SHA-256. None of them was ever trained on. They keep their owners' licences and are not committed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer


@dataclass(frozen=True)
class Photograph:
    """A file inside a package's archive."""

    package: str
    member: str
    sha256: str


PHOTOGRAPHS = (
    Photograph(
        "gradio==4.44.1",
        "gradio/test_data/cheetah1.jpg",
        "35550bfbba996e59c242af00f6a14a9c0d055dfbc52ad069a1a4e8c1c39ca095",
    ),
    Photograph(
        "gradio==4.44.1",
        "gradio/test_data/lion.jpg",
        "4c45ece00075f152cb2e6cfd5f1dfd7dc8e83042264685b4f470026240eff3ef",
    ),
    Photograph(
        "gradio==4.44.1",
        "gradio/_frontend_code/component-test/src/lib/images/tower.jpg",
        "f57f96f7a71f89739d27ae8ffc09f73cd2f17415d16c94d42dcb0d571f4eb0ee",
    ),
    Photograph(
        "imgaug==0.4.0",
        "imgaug/quokka.jpg",
        "bf1059d0f925e7d0c712cadf07a04ba4cfc98957d7be65d3a7d8ae0c464cd76e",
    ),
    Photograph(
        "ultralytics==8.4.190",
        "ultralytics/assets/bus.jpg",
        "c02019c4979c191eb739ddd944445ef408dad5679acab6fd520ef9d434bfbc63",
    ),
    Photograph(
        "ultralytics==8.4.190",
        "ultralytics/assets/zidane.jpg",
        "16d73869e3267a7d4ed00de8e860833bd1657c1b252e94c0c348277adc7b6edb",
    ),
    Photograph(
        "scikit-image==0.16.2",
        "scikit-image-0.16.2/skimage/data/motorcycle_left.png",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
    ),
    Photograph(
        "matplotlib==3.10.0",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
    ),
)


def main(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")] = Path("photographs"),
) -> None:
    """Download each package once, without installing it, and take its pictures out."""
    folder.mkdir(parents=True, exist_ok=True)
    for package in dict.fromkeys(photograph.package for photograph in PHOTOGRAPHS):
        with tempfile.TemporaryDirectory() as temporary:
            archive = download(package, Path(temporary))
            for photograph in PHOTOGRAPHS:
                if photograph.package == package:
                    print(unpack(archive, photograph, folder))


def download(package: str, folder: Path) -> Path:
    """The package's archive; a source archive only where there is no wheel for any Python."""
    flags = ["--no-deps", "--no-build-isolation", "--quiet", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *flags, package], check=True)
    return next(folder.iterdir())


def unpack(archive: Path, photograph: Photograph, folder: Path) -> Path:
    """Write one picture; ValueError where its content is not what it was."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(photograph.member)
    else:
        with tarfile.open(archive) as source:
            member = source.extractfile(photograph.member)
            content = member.read() if member else b""
    if hashlib.sha256(content).hexdigest() != photograph.sha256:
        raise ValueError(f"{photograph.member} of {photograph.package} is not what it was")
    path = folder / Path(photograph.member).name
    path.write_bytes(content)
    return path


if __name__ == "__main__":
    typer.run(main)

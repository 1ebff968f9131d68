"""Fetch real photographs to measure suites with: they come with packages on PyPI.

`python scripts/fetch_photographs.py` unpacks eight files, with which the mini suite is scored, into
`photographs/`, and five others, with which suites are calibrated, into `photographs/calibration/`.
Each is checked by its SHA-256. The mini suite was trained on none of them. They keep their owners'
licences and are not committed.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from itertools import groupby
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from remixlab.files import write_whole
from remixlab.outputs import check_folder
from remixlab.telling import one_line


class Photograph(NamedTuple):
    """A file inside a package's archive, and where it goes.

    A `member` of a source archive begins with the archive's own name, that of a wheel does not.
    """

    package: str
    member: str
    sha256: str
    path: str

    @property
    def in_source(self) -> bool:
        """Whether it is in the source archive, not in the wheel."""
        return self.member.startswith(self.package.replace("==", "-") + "/")


PHOTOGRAPHS = (
    Photograph(
        "gradio==4.44.1",
        "gradio/test_data/cheetah1.jpg",
        "35550bfbba996e59c242af00f6a14a9c0d055dfbc52ad069a1a4e8c1c39ca095",
        "cheetah1.jpg",
    ),
    Photograph(
        "gradio==4.44.1",
        "gradio/test_data/lion.jpg",
        "4c45ece00075f152cb2e6cfd5f1dfd7dc8e83042264685b4f470026240eff3ef",
        "lion.jpg",
    ),
    Photograph(
        "gradio==4.44.1",
        "gradio/_frontend_code/component-test/src/lib/images/tower.jpg",
        "f57f96f7a71f89739d27ae8ffc09f73cd2f17415d16c94d42dcb0d571f4eb0ee",
        "tower.jpg",
    ),
    Photograph(
        "imgaug==0.4.0",
        "imgaug/quokka.jpg",
        "bf1059d0f925e7d0c712cadf07a04ba4cfc98957d7be65d3a7d8ae0c464cd76e",
        "quokka.jpg",
    ),
    Photograph(
        "ultralytics==8.4.190",
        "ultralytics/assets/bus.jpg",
        "c02019c4979c191eb739ddd944445ef408dad5679acab6fd520ef9d434bfbc63",
        "bus.jpg",
    ),
    Photograph(
        "ultralytics==8.4.190",
        "ultralytics/assets/zidane.jpg",
        "16d73869e3267a7d4ed00de8e860833bd1657c1b252e94c0c348277adc7b6edb",
        "zidane.jpg",
    ),
    Photograph(
        "scikit-image==0.16.2",
        "scikit-image-0.16.2/skimage/data/motorcycle_left.png",
        "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179",
        "motorcycle_left.png",
    ),
    Photograph(
        "matplotlib==3.10.0",
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130",
        "grace_hopper.jpg",
    ),
    Photograph(
        "pilkit==3.0",
        "pilkit-3.0/docs/source/_ext/original.jpg",
        "f174db1a747978a71c83cfe4cbf1747a029aa7fa7e1eb142eb4b51c25fdca962",
        "calibration/facade.jpg",
    ),
    Photograph(
        "sigal==2.0",
        "sigal-2.0/tests/sample/pictures/dir1/test2/21.jpg",
        "9a77846a19a58f29bae67233c99f29fd2361536044176077c1ea4a2507c79b68",
        "calibration/mountain.jpg",
    ),
    Photograph(
        "sigal==2.0",
        "sigal-2.0/tests/sample/pictures/dir1/test1/flickr_jerquiaga_2394751088_cc-by-nc.jpg",
        "22caf7b75e305236273118cfbca75d49490a0c7df9279d62a72a0abef1bdadc4",
        "calibration/boulders.jpg",
    ),
    Photograph(
        "smartcrop==0.5.0",
        "smartcrop-0.5.0/tests/images/business-work-1.jpg",
        "aff9c3d0bdbf20c97f90d51f56803f20a3abe695c31eed7b5a5d0815536b4a15",
        "calibration/field.jpg",
    ),
    Photograph(
        "smartcrop==0.5.0",
        "smartcrop-0.5.0/tests/images/travel-1.jpg",
        "436ad193b8ed9b4c0548c5e240e8ddfad83bd7a21784fd4e0806d710c7df2d1a",
        "calibration/pavement.jpg",
    ),
)


def main(
    folder: Annotated[Path, typer.Argument(help="Where the pictures go.")] = Path("photographs"),
) -> None:
    """Download each archive once, without installing it, and take its pictures out."""
    check_folder("FOLDER", folder)
    for (package, in_source), photographs in groupby(
        PHOTOGRAPHS, lambda p: (p.package, p.in_source)
    ):
        with tempfile.TemporaryDirectory() as temporary:
            archive = download(package, in_source, Path(temporary))
            for photograph in photographs:
                print(unpack(archive, photograph, folder))


def download(package: str, in_source: bool, folder: Path) -> Path:
    """The package's source archive, or its wheel."""
    kind = "--no-binary" if in_source else "--only-binary"
    flags = ["--no-deps", "--no-build-isolation", "--quiet", kind, ":all:", "--dest", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *flags, package], check=True)
    return next(folder.iterdir())


def unpack(archive: Path, photograph: Photograph, folder: Path) -> Path:
    """Write one picture; ValueError where its content is not what it was."""
    if photograph.in_source:
        with tarfile.open(archive) as source:
            member = source.extractfile(photograph.member)
            content = member.read() if member else b""
    else:
        with zipfile.ZipFile(archive) as wheel:
            content = wheel.read(photograph.member)
    if hashlib.sha256(content).hexdigest() != photograph.sha256:
        raise ValueError(f"{photograph.member} of {photograph.package} is not what it was")
    path = folder / photograph.path
    write_whole(path, content)
    return path


if __name__ == "__main__":
    with one_line():
        typer.run(main)

"""scripts/fetch_photographs.py, without the network: what it takes out of archives, and where."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from tests.programs import load_program

ROOT = Path(__file__).parents[2]
CONTENT = b"a picture"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_program(ROOT / "scripts" / "fetch_photographs.py")


def write_archive(path: Path, member: str) -> Path:
    """A wheel or a source archive with one file."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w") as wheel:
            wheel.writestr(member, CONTENT)
    else:
        with tarfile.open(path, "w:gz") as source:
            entry = tarfile.TarInfo(member)
            entry.size = len(CONTENT)
            source.addfile(entry, io.BytesIO(CONTENT))
    return path


@pytest.mark.parametrize(
    ("name", "member"), [("p-1.0-py3-none-any.whl", "p/a.jpg"), ("p-1.0.tar.gz", "p-1.0/t/a.jpg")]
)
def test_takes_a_picture_out(script: ModuleType, tmp_path: Path, name: str, member: str) -> None:
    archive = write_archive(tmp_path / name, member)
    digest = hashlib.sha256(CONTENT).hexdigest()
    photograph = script.Photograph("p==1.0", member, digest, "some/where.jpg")
    path = script.unpack(archive, photograph, tmp_path / "out")
    assert path == tmp_path / "out" / "some" / "where.jpg" and path.read_bytes() == CONTENT
    other = script.Photograph("p==1.0", member, "0" * 64, "other.jpg")
    with pytest.raises(ValueError, match=r"a\.jpg of p==1\.0 is not what it was"):
        script.unpack(archive, other, tmp_path / "out")
    assert not (tmp_path / "out" / "other.jpg").exists()


def test_fetches_what_suites_are_calibrated_with(script: ModuleType) -> None:
    experiment = yaml.safe_load((ROOT / "configs/experiment/style_calibration.yaml").read_text())
    named = experiment["sweep"]["axes"]["ref_image"]
    fetched = {f"photographs/{photograph.path}" for photograph in script.PHOTOGRAPHS}
    here = {str(path.relative_to(ROOT)) for path in (ROOT / "examples/references").glob("*.jpg")}
    assert set(named) <= fetched | here and fetched & set(named)

"""A disk that fills up leaves the report that was there."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from remixlab import files
from remixlab.sweep.report import write_report


@pytest.mark.parametrize("at", [1, 11])
def test_no_file_of_a_report_is_ever_half(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    write_report([folder], tmp_path)
    names = sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*"))
    sizes = {name: (tmp_path / name).stat().st_size for name in names}
    for name in names:
        if (tmp_path / name).is_file():
            (tmp_path / name).write_bytes(b"good")
    left = [at]

    def full(_: int) -> None:
        left[0] -= 1
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_report([folder], tmp_path)
    assert sorted(path.relative_to(tmp_path) for path in tmp_path.rglob("*")) == names
    made = [tmp_path / name for name in names if (tmp_path / name).is_file()]
    left_alone = [path for path in made if path.read_bytes() == b"good"]
    assert tmp_path / "report.html" in left_alone
    for path in set(made) - set(left_alone):
        assert path.stat().st_size == sizes[path.relative_to(tmp_path)]

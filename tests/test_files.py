"""Files that are there whole or not at all."""

from __future__ import annotations

import errno
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from remixlab import files
from remixlab.client import RemixAnswer
from remixlab.files import whole, write_whole
from remixlab.request import RemixResult
from remixlab.rows import write_rows
from remixlab.serve.auth import KeyFile
from remixlab.serve.playground.history import Shelf
from remixlab.sheet import save_sheet

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8))
RESULT = RemixResult(
    image=PICTURE, seed=1, mask=PICTURE, outline=PICTURE, background=PICTURE, provenance={"a": 1}
)
WRITERS: dict[str, Callable[[Path], object]] = {
    "bytes": lambda path: write_whole(path, b"new"),
    "text": lambda path: write_whole(path, "neu: \u00fc"),
    "result": lambda path: RESULT.save(path),
    "answer": lambda path: RemixAnswer(b"new", 1).save(path),
    "sheet": lambda path: save_sheet(PICTURE, path),
    "playground": lambda path: Shelf(path.parent).write(path.stem, PICTURE),
    "table": lambda path: write_rows(path, [{"id": 1}]),
}


@pytest.fixture(params=WRITERS)
def write(request: pytest.FixtureRequest) -> Callable[[Path], object]:
    return WRITERS[request.param]


def test_a_disk_that_fills_up_leaves_the_good_file(
    write: Callable[[Path], object], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:  # where a disk may say so last: when all was written
        raise OSError(errno.ENOSPC, "No space left on device")

    path = tmp_path / "out.png"
    path.write_bytes(b"good")
    monkeypatch.setattr(files.os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write(path)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"good" and list(tmp_path.iterdir()) == [path]


def test_a_write_that_breaks_in_the_middle_leaves_the_good_file(tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    path.write_bytes(b"good")
    with pytest.raises(KeyboardInterrupt), whole(path) as partial:
        partial.write_bytes(b"ha")
        raise KeyboardInterrupt
    with pytest.raises(OSError, match="No space left"), whole(path) as partial:
        os.symlink("/dev/full", partial)
        partial.write_bytes(b"half of it")
    assert path.read_bytes() == b"good" and list(tmp_path.iterdir()) == [path]


def test_the_old_file_stays_until_the_new_one_is_whole(
    write: Callable[[Path], object], tmp_path: Path
) -> None:
    path = tmp_path / "folders" / "that are missing" / "out.png"
    write(path)
    first = path.stat().st_ino
    with path.open("rb") as reader:
        write(path)
        assert path.stat().st_ino != first, "it was written in place"
        assert reader.read(), "who reads the old one reads all of it"
    assert list(path.parent.iterdir()) == [path]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    path, inside, failed = tmp_path / "out.txt", threading.Barrier(2), []

    def work(letter: bytes) -> None:
        try:
            with whole(path) as partial, partial.open("wb") as file:
                file.write(letter * 1000)
                inside.wait(10)
                file.write(letter * 1000)
        except Exception as error:
            failed.append(error)

    threads = [threading.Thread(target=work, args=(letter,)) for letter in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed and path.read_bytes() in (b"a" * 2000, b"b" * 2000)
    assert list(tmp_path.iterdir()) == [path]


def test_permissions_are_the_old_file_s_or_the_umask_s(tmp_path: Path) -> None:
    def permissions(path: Path) -> int:
        return stat.S_IMODE(path.stat().st_mode)

    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "new", b"x")
        write_whole(tmp_path / "own", b"x", mode=0o600)
        (tmp_path / "new").chmod(0o664)
        assert permissions(tmp_path / "own") == 0o600
        write_whole(tmp_path / "new", b"y")
        assert permissions(tmp_path / "new") == 0o664
        write_whole(tmp_path / "newer", b"y")
        assert permissions(tmp_path / "newer") == 0o640
    finally:
        os.umask(before)
    KeyFile(tmp_path / "keys.json").add("me")
    assert permissions(tmp_path / "keys.json") == 0o600


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there/file")
    write_whole(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "there" / "file").read_bytes() == b"x"


def test_the_files_of_a_folder_are_replaced_when_all_of_them_are_written(tmp_path: Path) -> None:
    folder = tmp_path / "suite"
    with whole(folder) as partial:
        (partial / "unet").mkdir(parents=True)
        (partial / "unet" / "weights").write_bytes(b"old")
        (partial / "card").write_bytes(b"kept")
    with pytest.raises(OSError, match="full"), whole(folder) as partial:
        (partial / "unet").mkdir(parents=True)
        (partial / "unet" / "weights").write_bytes(b"new")
        raise OSError("full")
    assert (folder / "unet" / "weights").read_bytes() == b"old"
    with whole(folder) as partial:
        (partial / "unet").mkdir(parents=True)
        (partial / "unet" / "weights").write_bytes(b"new")
    assert (folder / "unet" / "weights").read_bytes() == b"new"
    assert (folder / "card").read_bytes() == b"kept"
    assert list(tmp_path.iterdir()) == [folder]


def test_an_error_about_another_file_keeps_its_name(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught, whole(tmp_path / "out") as partial:
        partial.write_bytes((tmp_path / "input").read_bytes())
    assert caught.value.filename == str(tmp_path / "input")

"""Files that are there whole or not at all, whatever interrupts their writing.

All that the project writes goes through here, but for the journal of a sweep, which grows line by
line (`remixlab.sweep.store`).
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_whole(path: Path, content: bytes | str, *, mode: int | None = None) -> None:
    """Write a whole file or none of it, text as UTF-8; see `whole`."""
    with whole(path, mode=mode) as partial:
        partial.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def whole(path: Path, *, mode: int | None = None) -> Iterator[Path]:
    """A place to write to, whose content is at `path` once the block has ended well.

    For libraries that want a path, so it has the same name and ending. A folder may be made there
    too: its files then go into the folder `path`, each of them whole. Where the block fails,
    what was at `path` is as it was, and nothing else is left.

    Args:
        path: folders that are missing are made; a link is followed.
        mode: the permissions; None: those of the file that was there, else what the umask leaves.

    Raises:
        OSError: it cannot be written; it names `path`.
    """
    target = Path(os.path.realpath(path))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with stand_in(target) as partial:
            yield partial
            _put(partial, target, mode)
    except OSError as error:
        if error.filename is None or _PREFIX in str(error.filename):
            reason = error.strerror or str(error)
            raise OSError(error.errno, reason, str(path)) from error
        raise


_PREFIX = ".partial-"


@contextmanager
def stand_in(target: Path) -> Iterator[Path]:
    """The same name in a hidden folder of its own beside `target`, which goes with the block.

    Nobody else writes there, and a move to `target` stays on its disk. A process that is killed
    leaves the folder behind.
    """
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=target.parent))
    try:
        yield folder / target.name
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _put(partial: Path, target: Path, mode: int | None) -> None:
    """Move a file, or a folder's files, in place of what is there."""
    if partial.is_dir() and target.exists():
        for inside in sorted(partial.iterdir()):
            _put(inside, target / inside.name, mode)
        return
    for path in (partial, *partial.rglob("*")):
        _sync(path)
    if mode is not None:
        partial.chmod(mode)
    elif target.exists():
        shutil.copymode(target, partial)
    partial.replace(target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

"""Whether what is to be written can be, found out before any work is spent on it."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from remixlab.errors import InvalidConfig
from remixlab.files import stand_in

PICTURES = (".png", ".jpg", ".jpeg", ".webp")


def check_file(
    option: str,
    path: Path,
    *,
    endings: Collection[str] = (),
    others: Mapping[str, Path | None] | None = None,
) -> None:
    """Find out that the file `path` can be written; nothing is left of the attempt.

    Args:
        option: what the path was given with, such as `--output`.
        path: the file; folders above it may be missing.
        endings: those that it may have, in small letters; none: any.
        others: files by the option that named them, none of which may be this one.

    Raises:
        InvalidConfig: another ending, a folder, a device, one of `others`, or a place that cannot
            be written.
    """
    check_ending(option, path, endings)
    for other, file in (others or {}).items():
        if file is not None and _same(path, file):
            accepted = f"another file than that of {other}, which it would overwrite"
            raise InvalidConfig(field=option, value=str(path), accepted=accepted)
    with _writable(option, path, "a file in a folder that can be written"):
        if path.is_dir() or (path.exists() and not path.is_file()):
            accepted = "the name of a file, not of a folder or device"
            raise InvalidConfig(field=option, value=str(path), accepted=accepted)
        if path.exists() and not os.access(path, os.W_OK):
            raise PermissionError("the file that is there is read-only")
        _try(Path(os.path.realpath(path)))


def check_ending(option: str, path: Path, endings: Collection[str]) -> None:
    """Raises InvalidConfig where the name ends in none of `endings`, if there are any."""
    if endings and path.suffix.lower() not in endings:
        accepted = f"a name ending in {' or '.join(endings)}"
        raise InvalidConfig(field=option, value=str(path), accepted=accepted)


def check_folder(option: str, path: Path) -> None:
    """Find out that files can be written into the folder `path`, which may be missing.

    Raises:
        InvalidConfig: it is a file, or cannot be made or written; it names `option`.
    """
    with _writable(option, path, "a folder that can be written, or made"):
        _try(Path(os.path.realpath(path)) / "file")


@contextmanager
def _writable(option: str, path: Path, accepted: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:  # ValueError: a name with a zero byte
        if isinstance(error, InvalidConfig):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidConfig(
            field=option, value=str(path), accepted=f"{accepted} ({reason})"
        ) from error


def _try(target: Path) -> None:
    """Write an empty file as the real one will be, and take all that was made away again.

    Asking for permissions is not enough: root has all of them, in /proc too.
    """
    made: list[Path] = []
    try:
        for folder in reversed(target.parents):
            if not folder.exists():
                folder.mkdir()
                made.append(folder)
        with stand_in(target) as partial:
            partial.touch()
    finally:
        for folder in reversed(made):
            with suppress(OSError):  # somebody else has put something there
                folder.rmdir()


def _same(path: Path, other: Path) -> bool:
    """Whether both are one file, or would be."""
    with suppress(ValueError):  # a name with a zero byte is no file's
        try:
            return path.samefile(other)
        except OSError:
            return os.path.realpath(path) == os.path.realpath(other)
    return False

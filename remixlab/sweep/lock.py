"""One process at a time in a run folder: two would make every cell twice and write one journal."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from remixlab.errors import RemixError

NAME = "sweep.lock"
_LONGEST = 200  # characters that are read of whoever holds it
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP)  # of a file system that has none


class FolderInUse(RemixError):
    """Another process works in the run folder; nothing was changed."""


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold a run folder, which is made where it is missing, until the block ends.

    The lock is the kernel's (`flock`): it ends with the process, however that ends, and the file
    that stays behind holds nobody up. Reading takes no lock.

    Raises FolderInUse where another process holds it, naming that process and its host.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / NAME).open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = " ".join(file.read(_LONGEST).split()) or "another process"
            accepted = f"a run folder that nobody works in; {holder} does in this one"
            raise FolderInUse(field="out", value=str(folder), accepted=accepted) from error
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
            told = f"{folder} is on a file system without locks: nothing keeps a second sweep out"
            warnings.warn(told, stacklevel=3)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}\n")
        file.flush()
        yield

"""Places for what libraries keep between processes, where a user has no home that can be written.

pymatting's loops are compiled by numba, which refuses to without such a place; matplotlib warns.
Whatever a user has set, and a home that can be written, stay what is used.
"""

from __future__ import annotations

import os
import stat
import tempfile
from importlib.util import find_spec
from pathlib import Path


def settle_caches() -> None:
    """Set NUMBA_CACHE_DIR and MPLCONFIGDIR where the libraries would find no place by themselves.

    To be called before they are imported, for that is when they look.
    """
    if _is_writable(_user_cache()):
        return
    os.environ.setdefault("MPLCONFIGDIR", str(_private_folder() / "matplotlib"))
    given = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(given)] if given else []
    package = find_spec("pymatting")
    if package and package.submodule_search_locations:  # numba's own first choice
        places += [Path(where) / "__pycache__" for where in package.submodule_search_locations]
    if not any(map(_is_writable, places)):
        os.environ["NUMBA_CACHE_DIR"] = str(_private_folder() / "numba")


def _user_cache() -> Path | None:
    given = os.environ.get("XDG_CACHE_HOME")
    try:
        return Path(given) if given else Path.home() / ".cache"
    except RuntimeError:  # a user without a home, or without a name
        return None


def _is_writable(folder: Path | None) -> bool:
    """Found out by writing: root may write everywhere, and yet cannot in /proc."""
    if folder is None:
        return False
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _private_folder() -> Path:
    """A folder in the temporary one that this user alone can write: caches hold code that is run.

    Its name is the same for all processes of the user. Where somebody else has taken the name, it
    is a new folder each time.
    """
    folder = Path(tempfile.gettempdir()) / f"remixlab-{os.getuid()}"
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        status = folder.lstat()
        own = stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid()
        if not own or status.st_mode & 0o077:
            return Path(tempfile.mkdtemp(prefix="remixlab-"))
    return folder

"""Libraries find a place for their caches where a user has no home that can be written."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from remixlab import caches
from remixlab.caches import settle_caches

NAMES = ("NUMBA_CACHE_DIR", "MPLCONFIGDIR")


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No home, a package that cannot be written; the folder for temporary files."""
    for name in (*NAMES, "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/proc/none")
    package = SimpleNamespace(submodule_search_locations=["/proc/none"])
    monkeypatch.setattr(caches, "find_spec", lambda _: package)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_without_a_home_they_go_to_the_user_s_own_temporary_folder(homeless: Path) -> None:
    settle_caches()
    own = homeless / f"remixlab-{os.getuid()}"
    assert os.environ["NUMBA_CACHE_DIR"] == str(own / "numba")
    assert os.environ["MPLCONFIGDIR"] == str(own / "matplotlib")
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    settle_caches()
    assert os.environ["NUMBA_CACHE_DIR"] == str(own / "numba"), "the next process finds it again"
    assert list(homeless.iterdir()) == [own]


def test_a_folder_that_others_can_write_is_not_trusted(homeless: Path) -> None:
    open_to_all = homeless / f"remixlab-{os.getuid()}"
    open_to_all.mkdir()
    open_to_all.chmod(0o777)
    settle_caches()
    assert open_to_all not in Path(os.environ["NUMBA_CACHE_DIR"]).parents
    open_to_all.rmdir()
    elsewhere = homeless / "elsewhere"
    elsewhere.mkdir(mode=0o700)
    open_to_all.symlink_to(elsewhere)
    del os.environ["NUMBA_CACHE_DIR"]
    settle_caches()
    assert open_to_all not in Path(os.environ["NUMBA_CACHE_DIR"]).parents


@pytest.mark.parametrize("given", ["XDG_CACHE_HOME", "HOME"])
def test_a_cache_that_can_be_written_stays(
    homeless: Path, monkeypatch: pytest.MonkeyPatch, given: str
) -> None:
    monkeypatch.setenv(given, str(homeless / "own"))
    settle_caches()
    assert not set(NAMES) & set(os.environ)


def test_what_a_user_has_set_stays_where_it_works(
    homeless: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, str(homeless / "mine"))
    settle_caches()
    assert {os.environ[name] for name in NAMES} == {str(homeless / "mine")}
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/none")
    settle_caches()
    assert os.environ["NUMBA_CACHE_DIR"] != "/proc/none"


def test_a_user_without_a_name_has_no_home(homeless: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", unknown)
    settle_caches()
    assert os.environ["NUMBA_CACHE_DIR"].startswith(str(homeless))


def test_numba_compiles_there(tmp_path: Path) -> None:
    """With its own rules for where, in a process of its own: it looks when it is imported."""
    program = f"""
import sys, tempfile
from pathlib import Path
from types import SimpleNamespace
from remixlab import caches
tempfile.tempdir = {str(tmp_path)!r}
caches.find_spec = lambda _: SimpleNamespace(submodule_search_locations=["/proc/none"])
caches.settle_caches()
sys.dont_write_bytecode = True
from numba.core import caching
caching.InTreeCacheLocator.from_function = classmethod(lambda *_: None)
import numba
exec(compile("def one(): return 1", {str(tmp_path / "code.py")!r}, "exec"))
assert numba.njit(cache=True)(one)() == 1
"""
    (tmp_path / "code.py").write_text("def one(): return 1")
    environment = {k: v for k, v in os.environ.items() if k not in (*NAMES, "XDG_CACHE_HOME")}
    command = [sys.executable, "-c", program]
    environment["HOME"] = "/proc/none"
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert list((tmp_path / f"remixlab-{os.getuid()}" / "numba").rglob("*.nbi"))

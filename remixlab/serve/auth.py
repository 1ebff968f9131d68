"""API keys: made once, shown once, kept as SHA-256 and compared in constant time.

A key is 256 random bits, so that a plain hash of it cannot be searched; no salt or stretching.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from remixlab.errors import InvalidConfig
from remixlab.files import write_whole
from remixlab.outputs import check_file

ENVIRONMENT = "REMIXLAB_API_KEYS"


@dataclass(frozen=True)
class Key:
    """A key as it is kept: its name, the hex SHA-256 of it, and the day it was made (UTC)."""

    name: str
    sha256: str
    created: str


class KeyFile:
    """The file of `serve.keys_file`, readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Key]:
        """The keys in it; none where there is no file.

        Raises InvalidConfig if it is broken or cannot be read.
        """
        try:
            return [Key(**entry) for entry in json.loads(self.path.read_text())["keys"]]
        except FileNotFoundError:
            return []
        except OSError as error:
            raise unreadable(self.path, error) from error
        except (ValueError, TypeError, KeyError) as error:
            raise InvalidConfig(
                field="serve.keys_file", value=str(self.path), accepted="a file of `remixlab keys`"
            ) from error

    def add(self, name: str) -> str:
        """Make a key, keep its hash, and return it: the only time that it is seen.

        Raises InvalidConfig when there is a key of that name.
        """
        keys = self.read()
        if not name.strip() or name in [key.name for key in keys]:
            raise InvalidConfig(field="name", value=name, accepted="a name that no key has yet")
        secret = secrets.token_urlsafe(32)
        day = time.strftime("%Y-%m-%d", time.gmtime())
        self._write([*keys, Key(name, _digest(secret.encode()), day)])
        return secret

    def revoke(self, name: str) -> None:
        """Forget the key of that name; raises InvalidConfig if there is none."""
        keys = self.read()
        rest = [key for key in keys if key.name != name]
        if len(rest) == len(keys):
            names = ", ".join(key.name for key in keys) or "no name: there are no keys"
            raise InvalidConfig(field="name", value=name, accepted=names)
        self._write(rest)

    def _write(self, keys: list[Key]) -> None:
        check_file("serve.keys_file", self.path)
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = json.dumps({"keys": [asdict(key) for key in keys]}, indent=1)
        write_whole(self.path, content, mode=0o600)


def key_path(name: str | Path) -> Path:
    """The file of that name, `~` replaced; raises InvalidConfig for a user who has no home."""
    try:
        return Path(name).expanduser()
    except RuntimeError as error:
        accepted = f"a whole path: {error}"
        raise InvalidConfig(field="serve.keys_file", value=str(name), accepted=accepted) from error


def unreadable(path: Path, error: OSError) -> InvalidConfig:
    """What to say of a file that is there, or may be, and that this user cannot read."""
    accepted = f"a file that this user can read, or the name of a new one ({error.strerror})"
    return InvalidConfig(field="serve.keys_file", value=str(path), accepted=accepted)


class Keys:
    """The keys of a running server: those of the environment, and of the file as it is now."""

    def __init__(self, path: Path, environment: Mapping[str, str] = os.environ) -> None:
        given = [part.strip() for part in environment.get(ENVIRONMENT, "").split(",")]
        self._given = [_digest(key.encode()) for key in given if key]
        self._file = KeyFile(path)
        self._stamp: tuple[int, int] | None = None
        self._read: list[str] = []
        self._refresh()
        # Once there were keys, revoking the last one must not open the server to everybody.
        self._required = bool(self._given or self._stamp)

    @property
    def required(self) -> bool:
        """Whether a request needs a key at all."""
        return self._required

    def accept(self, key: bytes) -> bool:
        """Whether a request with this key, empty where there is none, may go on."""
        self._refresh()
        self._required = self._required or bool(self._read)
        if not self._required:
            return True
        offered = _digest(key)
        known = [*self._given, *self._read]
        # All of them are compared, so that the time does not tell how many there are before it.
        matches = [hmac.compare_digest(offered.encode(), each.encode()) for each in known]
        return bool(key) and any(matches)

    def _refresh(self) -> None:
        """Read the file again where it changed; raises InvalidConfig as `KeyFile.read`."""
        try:
            status = self._file.path.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
        except (FileNotFoundError, NotADirectoryError):
            stamp = None
        except OSError as error:  # there may be keys: no reason to let everybody in
            raise unreadable(self._file.path, error) from error
        if stamp != self._stamp:
            self._read = [] if stamp is None else [key.sha256 for key in self._file.read()]
            self._stamp = stamp


def _digest(key: bytes) -> str:
    return hashlib.sha256(key).hexdigest()

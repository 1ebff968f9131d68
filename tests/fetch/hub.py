"""A stand-in for the hub on loopback: its addresses, headers and faults, over bytes in memory."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAIN = "f" * 40  # the commit that the branch `main` is at
_API = re.compile(r"/api/models/([^/]+/[^/]+?)(?:/(revision|tree)/([^/?]+))?(?:\?.*)?$")
_FILE = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)$")


@dataclass
class Hub:
    """Repositories (id -> path -> bytes) behind `url`, and what goes wrong with them.

    Attributes:
        private: repository -> the token that it asks for.
        cut: path -> after how many bytes each of the next connections breaks.
        corrupt: path -> how many of the next downloads have a wrong byte.
        failing: paths that the server answers with 400, which clients do not try again.
        log: method, path inside the repository or address, and Range, of every request.
        served: the contents of all files that were asked for.
    """

    repos: dict[str, dict[str, bytes]]
    licence: str = "openrail++"
    private: dict[str, str] = field(default_factory=dict)
    cut: dict[str, list[int]] = field(default_factory=dict)
    corrupt: dict[str, int] = field(default_factory=dict)
    failing: set[str] = field(default_factory=set)
    log: list[tuple[str, str, str | None]] = field(default_factory=list)
    served: list[bytes] = field(default_factory=list)

    def start(self) -> None:
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def downloaded(self) -> list[str]:
        """The files that were asked for, in order."""
        return [path for method, path, _ in self.log if method == "GET" and "/api/" not in path]


class _Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def _answer(self, *, with_body: bool) -> None:
        api, file = _API.match(self.path), _FILE.match(self.path)
        repo = (api or file)[1] if api or file else ""  # type: ignore[index]
        name = file[3] if file else self.path
        self.hub.log.append((self.command, name, self.headers.get("Range")))
        token = self.hub.private.get(repo)
        if token and self.headers.get("Authorization") != f"Bearer {token}":
            return self._error(401, None, "Invalid username or password.")
        if repo not in self.hub.repos:
            return self._error(404, "RepoNotFound", "Repository not found")
        revision = (api[3] or "main") if api else file[2]  # type: ignore[index]
        if revision != "main" and not re.fullmatch("[0-9a-f]{40}", revision):
            return self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        commit = MAIN if revision == "main" else revision
        if api:
            listed = self._tree(repo) if api[2] == "tree" else self._info(repo, commit)
            return self._send(200, json.dumps(listed).encode(), {"X-Repo-Commit": commit})
        if name in self.hub.failing:
            return self._error(400, None, "broken")
        if name not in self.hub.repos[repo]:
            return self._error(404, "EntryNotFound", "Entry not found")
        self._file(self.hub.repos[repo][name], name, commit, with_body)

    def _file(self, content: bytes, name: str, commit: str, with_body: bool) -> None:
        headers = {"X-Repo-Commit": commit, "ETag": f'"{git_digest(content)}"'}
        if is_large(name):
            headers |= {"X-Linked-Etag": f'"{sha256(content)}"', "X-Linked-Size": str(len(content))}
        if with_body:
            self.hub.served.append(content)
        status, start = 200, 0
        if wanted := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            status, start = 206, int(wanted[1])
            headers["Content-Range"] = f"bytes {start}-{len(content) - 1}/{len(content)}"
        if with_body and self.hub.corrupt.get(name, 0) > 0:
            self.hub.corrupt[name] -= 1
            content = content[:-1] + bytes([content[-1] ^ 1])
        cuts = self.hub.cut.get(name, []) if with_body else []
        cut = cuts.pop(0) if cuts else None
        self._send(status, content[start:], headers, with_body=with_body, cut=cut)

    def _send(
        self,
        status: int,
        body: bytes,
        headers: dict[str, str],
        *,
        with_body: bool = True,
        cut: int | None = None,
    ) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        if with_body:
            self.wfile.write(body if cut is None else body[:cut])
        self.close_connection = cut is not None or self.close_connection

    def _error(self, status: int, code: str | None, message: str) -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._send(status, b"", headers)

    def _info(self, repo: str, commit: str) -> dict[str, Any]:
        siblings = []
        for path, content in self.hub.repos[repo].items():
            entry: dict[str, Any] = {"rfilename": path, "size": len(content)}
            entry["blobId"] = git_digest(content)
            if is_large(path):
                large = {"sha256": sha256(content), "size": len(content), "pointerSize": 134}
                entry["lfs"] = large
            siblings.append(entry)
        card = {"license": self.hub.licence}
        return {"id": repo, "sha": commit, "siblings": siblings, "cardData": card}

    def _tree(self, repo: str) -> list[dict[str, Any]]:
        entries = []
        for path, content in self.hub.repos[repo].items():
            entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content)}
            entry["oid"] = git_digest(content)
            if is_large(path):
                entry["lfs"] = {"oid": sha256(content), "size": len(content), "pointerSize": 134}
            entries.append(entry)
        return entries


def is_large(path: str) -> bool:
    """Whether the hub keeps a file outside of git."""
    return path.endswith((".safetensors", ".bin"))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def git_digest(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()

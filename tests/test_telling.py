"""Errors of ours and of the system end every command with one line and exit status 2."""

from __future__ import annotations

import errno

import pytest

from remixlab import cli
from remixlab.errors import InvalidConfig
from remixlab.telling import one_line

FULL = OSError(errno.ENOSPC, "No space left on device", "out.png")
COMMANDS = [
    "remix", "report", "replay", "show", "fetch", "track", "serve", "playground", "doctor",
]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_ends_with_one_line_where_the_system_refuses(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise FULL

    fail.__name__ = command
    for info in cli.app.registered_commands:
        if info.callback and info.callback.__name__ == command:
            monkeypatch.setattr(info, "callback", fail)
    monkeypatch.setattr("sys.argv", ["remixlab", command])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err == "error: out.png: No space left on device\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (FULL, "error: out.png: No space left on device; the rest is kept"),
        (OSError("two\nlines"), "error: two lines; the rest is kept"),
        (PermissionError(), "error: PermissionError; the rest is kept"),
        (InvalidConfig(field="x", value=1, accepted="a[b]"), "error: x: got 1; accepted: a[b]"),
    ],
)
def test_what_it_says(error: Exception, line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit), one_line(kept="the rest is kept"):
        raise error
    assert capsys.readouterr().err == line + "\n"


def test_other_errors_are_bugs_and_keep_their_traceback() -> None:
    with pytest.raises(ZeroDivisionError), one_line():
        raise ZeroDivisionError

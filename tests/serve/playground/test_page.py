"""The page without a browser: who may ask, what it brings along, what its events do."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from remixlab import cli
from remixlab.remix import Remixer
from remixlab.request import InvalidConfig
from remixlab.serve.playground import launch
from remixlab.serve.playground.examples import Examples, find_examples
from remixlab.serve.playground.settings import Settings
from remixlab.serve.playground.studio import Step, Studio

gr = pytest.importorskip("gradio", reason="needs gradio: pip install '.[playground]'")
httpx = pytest.importorskip("httpx")

from remixlab.serve.playground.page import Events, build_page  # noqa: E402


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The addresses outside of this machine that somebody tried to reach."""
    tried: list[Any] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and not launch.is_loopback(str(address[0])):
            tried.append(address)
            raise ConnectionRefusedError(address)
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return tried


@pytest.fixture
def served(studio: Studio, dialled: list[Any]) -> Iterator[str]:
    """The address of a page that is served as the command does."""
    page = build_page(studio, Examples())
    options = launch.launch_options("127.0.0.1", None)
    _, url, _ = page.launch(**options, prevent_thread_lock=True)
    yield url
    page.close()


@pytest.fixture
def events(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Events:
    """The page's events, to be called as Gradio does."""
    made: list[Events] = []
    monkeypatch.setattr(Events, "connect", lambda self: made.append(self))
    build_page(studio, Examples())
    return made[0]


def test_the_page_comes_from_here_alone(served: str, dialled: list[Any]) -> None:
    text = httpx.get(served).text
    assert "remixlab" in text
    config = httpx.get(f"{served}config").json()
    assert config["analytics_enabled"] is False
    css = httpx.get(f"{served}theme.css").text
    sources = re.findall(r"""url\(["']?(\w+)""", css)
    assert "Segoe UI" in css and "@font-face" not in css and set(sources) <= {"data"}
    assert dialled == []


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", ""])
def test_other_host_names_are_refused(served: str, host: str) -> None:
    """Else a page whose name is made to point here could use the model, and read the answers."""
    assert httpx.get(served, headers={"Host": host}).status_code == 400
    assert httpx.get(served, headers={"Host": "localhost"}).status_code == 200


def test_large_uploads_and_other_files_are_refused(served: str, monkeypatch: Any) -> None:
    token = httpx.get(f"{served}config").json()
    assert token["max_file_size"] == 64 * 2**20
    for path in ("/etc/passwd", str(Path(cli.__file__)), "../../etc/passwd"):
        answer = httpx.get(f"{served}gradio_api/file={path}")
        assert answer.status_code in (403, 404), path


def test_other_than_loopback_needs_a_password(capsys: pytest.CaptureFixture[str]) -> None:
    options = launch.launch_options("0.0.0.0", 7860)
    _, password = options["auth"]
    assert len(password) >= 16 and password in capsys.readouterr().out
    assert launch.launch_options("0.0.0.0", 7860)["auth"][1] != password
    for host in ("127.0.0.1", "localhost", "::1", "127.8.8.8"):
        assert "auth" not in launch.launch_options(host, 1), host
    for host in ("192.168.1.2", "example.org", "::", "0.0.0.0"):
        assert "auth" in launch.launch_options(host, 1), host


def test_make_shows_steps_then_all_and_remembers(events: Events, form: Settings) -> None:
    updates = list(events.make([], *form.values()))
    remix = events.remix
    assert ["<progress" in update[remix.status] for update in updates] == [True] * 4 + [False]
    last = updates[-1]
    assert ">7</span>" in last[remix.status]
    assert Path(last[remix.image]).is_file() and last[remix.download] == last[remix.image]
    assert [name for _, name in last[remix.pictures]] == [
        "product", "mask", "outline", "background",
    ]  # fmt: skip
    assert "7" in last[remix.command] and "model=tiny" in last[remix.command]
    assert len(last[events.history]) == 1
    more = list(events.make(last[events.history], *form.values()))
    assert len(more[-1][events.history]) == 2


def test_restore_brings_settings_and_result_back(events: Events, form: Settings) -> None:
    first = replace(form, style_fidelity=0.3, size="square", padding=0.2, seed=-1)
    history = list(events.make([], *first.values()))[-1][events.history]
    history = list(events.make(history, *form.values()))[-1][events.history]
    event = gr.SelectData(None, {"index": 1, "value": None})
    back = events.restore(event, history)
    values = [back[component] for component in events.form.inputs.values()]
    assert Settings(*values) == replace(first, seed=history[1].settings.seed)
    assert back[events.remix.image] == str(history[1].pictures["image"])
    assert events.last_seed(history) == 7 and events.last_seed([]) == -1


def test_a_proxy_of_the_environment_does_not_keep_it_from_starting(
    tiny_remixer: Remixer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NO_PROXY", "no_proxy", "GRADIO_TEMP_DIR"):
        monkeypatch.setenv(name, "")  # so that it is put back afterwards
        monkeypatch.delenv(name)
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(Remixer, "from_settings", staticmethod(lambda _: tiny_remixer))
    monkeypatch.setattr(launch.signal, "signal", lambda *_: None)
    monkeypatch.setattr(gr.Blocks, "block_thread", lambda page: page.close())
    launch.serve([], open=False)
    assert "http://127.0.0.1:" in capsys.readouterr().out


def test_errors_are_said_and_change_nothing_else(events: Events, form: Settings) -> None:
    updates = list(events.make([], *replace(form, seed=0).values()))
    assert len(updates) == 1 and list(updates[0]) == [events.remix.status]
    assert "<b>seed</b>" in updates[0][events.remix.status]
    axes = ("style_fidelity", "0, 9", "", "")
    updates = list(events.make_grid(*axes, *form.values()))
    assert "style_fidelity" in updates[-1][events.grid.status]


def test_leaving_a_run_stops_it(
    events: Events, form: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[bool] = []

    def remix(_settings: Settings) -> Any:
        try:
            while True:
                yield Step(1, 8)
        finally:
            closed.append(True)

    monkeypatch.setattr(events.studio, "remix", remix)
    run: Any = events.make([], *form.values())
    next(run)
    run.close()
    assert closed == [True]


def test_grid_ends_with_its_file(events: Events, form: Settings) -> None:
    updates = list(events.make_grid("cfg_scale", "1, 2", "", "", *form.values()))
    assert Path(updates[-1][events.grid.image]).is_file()
    assert "done" in updates[-1][events.grid.status]


def test_frame_shows_the_product_only_where_it_is_placed(events: Events, form: Settings) -> None:
    placement, framed = events.form.placement, events.form.framed
    assert framed not in events.frame(*form.values())
    shown = events.frame(*replace(form, size="tall").values())
    assert shown[framed].size == (768, 1344)
    broken = replace(form, size="tall", product_image=None)
    assert events.frame(*broken.values())[framed] is None
    assert placement in shown


def test_files_are_not_opened_by_gradio(events: Events, tmp_path: Path) -> None:
    from gradio.data_classes import ImageData

    path = tmp_path / "x.png"
    path.write_bytes(b"no picture")
    for name in ("product_image", "ref_image"):
        picture = events.form.inputs[name]
        assert picture.preprocess(ImageData(path=str(path), orig_name="x.png")) == str(path)
        assert picture.preprocess(None) is None


def test_examples_are_those_of_the_repository_or_none(tmp_path: Path) -> None:
    found = find_examples()
    assert len(found.products) == 6 and len(found.references) == 7
    assert found.first.request().prompt.startswith("product photograph")
    nothing = find_examples(tmp_path)
    assert nothing == Examples() and nothing.first.product_image is None


def test_a_missing_extra_is_a_typed_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    error = CliRunner().invoke(cli.app, ["playground", "--no-open"]).exception
    assert isinstance(error, InvalidConfig)
    assert "pip install remixlab[playground]" in str(error)


def test_main_prints_brackets_as_they_are(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "gradio", None)
    monkeypatch.setattr("sys.argv", ["remixlab", "playground"])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    assert stopped.value.code == 2
    assert "remixlab[playground]" in " ".join(capsys.readouterr().err.split())


def test_help_needs_neither_gradio_nor_torch() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from remixlab import cli\n"
        "result = CliRunner().invoke(cli.app, ['--help'])\n"
        "assert 'playground' in result.output\n"
        "print({'gradio', 'torch', 'diffusers', 'transformers'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"

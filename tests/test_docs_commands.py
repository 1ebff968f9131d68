"""Every command and every piece of code that the documentation prints can be used as printed."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
import typer
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from typer.main import get_command

from remixlab import config as settings
from remixlab.bench.config import register_latency
from remixlab.cli import app
from remixlab.config import compose_config
from remixlab.metrics.metric import Metric
from remixlab.models.spec import SuiteSpec
from remixlab.serve.config import compose_server
from remixlab.sweep.config import register_fidelity
from tests.programs import load_program

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks").glob("*.md")])
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TITLED = re.compile(r'^```\w+ title="([^"]+)"\n(.*?)^```$', re.MULTILINE | re.DOTALL)
_PLACEHOLDER = {"${suites[$SLURM_ARRAY_TASK_ID]}": "sdxl"}


def blocks(page: Path, language: str) -> list[str]:
    """The code blocks of a language."""
    return [body for kind, body in _BLOCK.findall(page.read_text()) if kind == language]


def commands() -> Iterator[Any]:
    """(page, words) of each of our own command lines, from the command's name on."""
    for page in PAGES:
        for body in blocks(page, "bash"):
            for line in body.replace("\\\n", " ").splitlines():
                if words := _words(line):
                    where = page.relative_to(ROOT).as_posix()
                    yield pytest.param(words, id=f"{where}: {' '.join(words)[:60]}")


def _words(line: str) -> list[str]:
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a quotation that goes on in the next line is none of ours
        return []
    words = [_unfolded(word) for word in words]
    while words and (words[0] == "srun" or Path(words[0]).name == "python"):
        words = words[1:]
    ours = words and (Path(words[0]).name == "remixlab" or words[0].endswith(".py"))
    return words if ours else []


def _unfolded(word: str) -> str:
    for name, value in _PLACEHOLDER.items():
        word = word.replace(name, value)
    return word


@pytest.fixture(scope="module")
def shown_suite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The suite that a page tells how to write is there, as written there."""
    configs = tmp_path_factory.mktemp("shown") / "configs"
    shutil.copytree(ROOT / "configs", configs)
    for path, body in titled("howto/suite.md").items():
        (configs.parent / path).write_text(body)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(settings, "config_folder", lambda: configs)
        yield


@pytest.mark.usefixtures("shown_suite")
@pytest.mark.parametrize("words", list(commands()))
def test_command_lines_are_understood(words: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    name, *arguments = words
    if Path(name).name == "remixlab":
        check_remixlab(arguments)
    else:
        check_script(name, arguments)


def check_remixlab(arguments: list[str]) -> None:
    """Options exist, values parse, files in the repository are there, overrides compose."""
    command: Any = get_command(app)
    context = command.make_context("remixlab", list(arguments))
    rest = arguments
    while hasattr(command, "commands"):
        name, command, rest = command.resolve_command(context, rest)
        context = command.make_context(name, list(rest), parent=context)
    given = context.params
    for value in given.values():
        if isinstance(value, Path) and value.parts[0] == "examples":
            assert value.is_file(), value
    overrides = list(given.get("overrides") or [])
    if context.info_name == "fetch":
        overrides = [f"model={given['suite']}", *overrides]
    if context.info_name == "serve":
        compose_server(overrides)
    elif overrides:
        compose_config(overrides)


def check_script(name: str, arguments: list[str]) -> None:
    """A benchmark or script exists and takes these arguments."""
    assert (ROOT / name).is_file(), name
    register = {"fidelity": register_fidelity, "latency": register_latency}.get(Path(name).stem)
    if register is None:
        if arguments:
            check_typer(ROOT / name, arguments)
        return
    register()
    plain = [word for word in arguments if word != "--multirun"]
    parsed = OverridesParser.create().parse_overrides(plain)
    if "--multirun" not in arguments:
        assert not any(override.is_sweep_override() for override in parsed)
    for group in BasicSweeper.split_arguments(parsed, max_batch_size=None):
        for overrides in group:
            compose_config(list(overrides), name=Path(name).stem)


def check_typer(path: Path, arguments: list[str]) -> None:
    """The script's `main` has these options."""
    module = load_program(path)
    script = typer.Typer(add_completion=False)
    script.command()(module.main)
    context = cast(Any, get_command(script)).make_context(path.stem, list(arguments))
    if overrides := context.params.get("overrides"):
        compose_config(overrides)


def python_blocks() -> Iterator[Any]:
    for page in PAGES:
        for number, body in enumerate(blocks(page, "python")):
            yield pytest.param(body, id=f"{page.relative_to(ROOT).as_posix()} {number}")


@pytest.mark.parametrize("body", list(python_blocks()))
def test_python_compiles_and_its_imports_exist(body: str) -> None:
    for node in ast.walk(ast.parse(body)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module != "remixlab.metrics.brightness":
            module = importlib.import_module(cast(str, node.module))
            for alias in node.names:
                if not hasattr(module, alias.name):
                    importlib.import_module(f"{node.module}.{alias.name}")


def titled(page: str) -> dict[str, str]:
    """The code blocks of a page that are whole files, by the path in their title."""
    return dict(_TITLED.findall((ROOT / "docs" / page).read_text()))


@pytest.mark.usefixtures("shown_suite")
def test_the_shown_suite_composes() -> None:
    model = compose_config(["model=my_suite"]).model
    assert model.name == "my_suite" and model.style_calibration == [[0.7, 0.5], [1.0, 0.8]]
    assert model.unet and model.unet.repo == "/data/finetune"
    assert model.controlnet and model.controlnet.repo == "diffusers/controlnet-canny-sdxl-1.0"
    assert not SuiteSpec.from_config(model).commercial_use


def test_the_shown_metric_passes_the_shown_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = titled("howto/metric.md")
    name = "remixlab.metrics.brightness"
    path = tmp_path / "brightness.py"
    path.write_text(files["remixlab/metrics/brightness.py"])
    module = load_program(path, name)
    monkeypatch.setitem(sys.modules, name, module)
    assert issubclass(module.Brightness, Metric)
    space: dict[str, Any] = {}
    exec(files["tests/metrics/test_brightness.py"], space)
    for colour, lightness in (("white", 100), ("black", 0)):
        space["test_the_product_does_not_count"](colour, lightness)

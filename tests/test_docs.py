"""The documentation builds in strict mode, without a network, and shows what it says it shows."""

from __future__ import annotations

import re
import socket
from pathlib import Path

import pytest

import remixlab
from remixlab.config import config_folder

pytest.importorskip("mkdocs", reason="needs mkdocs: pip install '.[docs]'")

from mkdocs.commands.build import build
from mkdocs.config import load_config

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a warning of any kind (a link, a page outside of the nav) raises."""
    folder = tmp_path_factory.mktemp("site")
    config = load_config(str(ROOT / "mkdocs.yml"), site_dir=str(folder), strict=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", _refuse)
        patch.setattr(socket.socket, "connect", _refuse)
        config.plugins.on_startup(command="build", dirty=False)
        try:
            build(config)
        finally:
            config.plugins.on_shutdown()
    return folder


def _refuse(*_: object, **__: object) -> None:
    raise OSError("the documentation is built without a network")


def test_every_page_is_built_and_in_the_navigation(site: Path) -> None:
    home = (site / "index.html").read_text()
    links = set(re.findall(r'<a href="([^"#]+\.html)" class="md-nav__link', home))
    pages = [page.relative_to(ROOT / "docs") for page in (ROOT / "docs").rglob("*.md")]
    for page in pages:
        built = page.with_suffix(".html").as_posix()
        assert (site / built).is_file()
        assert built == "index.html" or built in links
    assert {"benchmarks/index.html", "benchmarks/LOG.html"} <= links


def test_nothing_is_fetched_from_elsewhere(site: Path) -> None:
    loads = re.compile(r"""<(?:script|link|img|iframe)[^>]+(?:src|href)=["']?(https?:)?//""")
    for page in site.rglob("*.html"):
        assert not loads.search(page.read_text()), page
    for sheet in site.rglob("*.css"):
        assert not re.search(r"url\(['\"]?(https?:)?//|@import", sheet.read_text()), sheet


def test_every_committed_table_and_its_pictures_are_shown(site: Path) -> None:
    shown = (site / "results.html").read_text()
    for table in (ROOT / "benchmarks" / "results").glob("*/table.md"):
        assert f'id="{table.parent.name}"' in shown
        for path in table.parent.iterdir():
            if path.suffix in (".png", ".jpg"):
                name = path.relative_to(ROOT).as_posix()
                assert f'src="{name}"' in shown
                assert (site / name).read_bytes() == path.read_bytes()
    # A cell of a table, as the table has it.
    last = (ROOT / "benchmarks/results/mini/table.md").read_text().strip().splitlines()[-1]
    assert f"<td>{last.split('|')[2].strip()}</td>" in shown


def test_the_suites_and_their_choices_are_shown(site: Path) -> None:
    shown = (site / "concepts" / "suites.html").read_text()
    for path in (config_folder() / "model").rglob("*.yaml"):
        assert f"<code>{path.stem}</code>" in shown
        for repository in re.findall(r"^\s+repo: (\S+/\S+)$", path.read_text(), re.MULTILINE):
            assert f"<code>{repository}</code>" in shown
    assert "&lt;!--" not in shown


def test_the_reference_has_every_public_name(site: Path) -> None:
    shown = (site / "reference" / "remixlab.html").read_text()
    for name in remixlab.__all__:
        assert re.search(rf'id="remixlab\.\w+\.{name}"', shown), name
    for package in ("metrics", "sweep", "bench", "replay"):
        page = (site / "reference" / f"{package}.html").read_text()
        for module in (ROOT / "remixlab" / package).glob("*.py"):
            public = re.findall(r"^(?:class|def) ([A-Za-z]\w*)", module.read_text(), re.MULTILINE)
            if f'id="remixlab.{package}.{module.stem}"' in page:
                assert all(f"remixlab.{package}.{module.stem}.{name}" in page for name in public)

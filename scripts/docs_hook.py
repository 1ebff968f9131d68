"""What the documentation takes from outside of docs/; mkdocs calls the functions named `on_`.

The pages of benchmarks/ get the path that they have in the repository. In a page of docs/ the line
`<!-- results: GLOB -->` stands for the tables and pictures of these folders of benchmarks/results,
`<!-- suites -->` and `<!-- parts -->` for what configs/model says. So no number is typed twice.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

from remixlab.config import compose_config, config_folder
from remixlab.models.spec import PARTS, Source, SuiteSpec

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path("benchmarks") / "results"
_PAGES = ("benchmarks/README.md", "benchmarks/LOG.md")
_GROUPS = {"controlnet": "sdxl", "ip_adapter": "sdxl", "lightning": "sdxl_lightning"}
_PICTURES = (".png", ".jpg")
_DIRECTIVE = re.compile(r"^<!-- (results|suites|parts)(?:: (\S+))? -->$", re.MULTILINE)
_TABLE_LINK = re.compile(r"\]\(results/([^/)]+)/table\.md\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the pages of benchmarks/ and the pictures of results."""
    pictures = (path for path in (ROOT / RESULTS).rglob("*") if path.suffix in _PICTURES)
    for name in (*_PAGES, *(path.relative_to(ROOT).as_posix() for path in sorted(pictures))):
        files.append(File.generated(config, name, abs_src_path=str(ROOT / name)))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Fill in results and suites; a results folder's table is a section of results.md."""
    if page.file.src_uri in _PAGES:
        return _TABLE_LINK.sub(r"](../results.md#\1)", markdown)
    return _DIRECTIVE.sub(lambda found: _FILLED[found[1]](found[2]), markdown)


def _results(glob: str) -> str:
    """A section for each results folder: its table and its pictures.

    Raises PluginError where no folder matches.
    """
    tables = sorted((ROOT / RESULTS).glob(f"{glob}/table.md"))
    if not tables:
        raise PluginError(f"benchmarks/results/{glob} has no table.md")
    return "\n\n".join("\n\n".join(_section(table)) for table in tables)


def _section(table: Path) -> Iterator[str]:
    folder = table.parent
    yield f"### {folder.name} {{ #{folder.name} }}"
    yield table.read_text(encoding="utf-8").strip()
    for path in sorted(folder.iterdir()):
        if path.suffix in _PICTURES:
            yield f"![{path.stem} of {folder.name}]({path.relative_to(ROOT).as_posix()})"


def _table(*heads: str, rows: Iterable[Iterable[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _spec(*overrides: str) -> SuiteSpec:
    return SuiteSpec.from_config(compose_config(overrides).model)


def _names(folder: str) -> list[str]:
    return sorted(path.stem for path in (config_folder() / folder).glob("*.yaml"))


def _suites() -> str:
    heads = ("suite", "sampling", "native size", "download", "commercial use")
    specs = [_spec(f"model={name}") for name in _names("model")]
    return _table(*heads, rows=map(_about_suite, specs))


def _about_suite(spec: SuiteSpec) -> Iterator[str]:
    yield f"`{spec.name}`"
    karras = ", karras" if spec.scheduler.karras else ""
    yield f"{spec.steps} steps, {spec.scheduler.name}{karras}"
    side = round(spec.native_area**0.5)
    yield f"{side}x{side}"
    yield f"{spec.download_gb:g} GB" if spec.download_gb else "none"
    yield "yes" if spec.commercial_use else "**no**"


def _parts() -> str:
    """Every repository that a suite, or a choice within one, reads a part from."""
    chosen = [(name, [f"model={name}"]) for name in _names("model")]
    for group, suite in _GROUPS.items():
        names = _names(f"model/{group}")
        chosen += [(name, [f"model={suite}", f"model/{group}={name}"]) for name in names]
    holders: dict[tuple[str, Source], list[str]] = {}
    for name, overrides in chosen:
        spec = _spec(*overrides)
        for part in ("base", *PARTS):
            source: Source | None = getattr(spec, part)
            if source is not None and source.repo is not None:
                holders.setdefault((part, source), []).append(name)
    heads = ("part", "from", "first named by", "licence")
    rows = [_about_part(part, source, names[0]) for (part, source), names in holders.items()]
    return _table(*heads, rows=rows)


def _about_part(part: str, source: Source, name: str) -> Iterator[str]:
    yield part
    inside = source.file or source.subfolder
    yield f"`{source.repo}`" + (f"<br>`{inside}`" if inside else "")
    yield f"`{name}`"
    yield (source.licence or "not stated") + ("" if source.commercial_use else ", **no commerce**")


_FILLED = {"results": _results, "suites": lambda _: _suites(), "parts": lambda _: _parts()}

"""Nobody writes a file but through `remixlab.files`: read off the code of the whole project."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = ("remixlab", "scripts", "benchmarks")
WRITING = {
    "write_bytes", "write_text", "touch", "save", "save_file", "save_pretrained", "savefig",
    "imwrite", "imsave", "write_table", "to_csv", "to_parquet", "to_json", "to_file", "tofile",
    "savez", "savez_compressed", "savetxt", "export_chrome_trace", "dump", "write_png",
    "write_jpeg", "copyfile", "copy2", "copytree", "NamedTemporaryFile", "ZipFile",
}  # fmt: skip
MODES = set("wax+")
OPENING = {"open", "fdopen"}
# Where there is no file to be half written, or half of it is what is wanted.
EXCEPTIONS = {
    "remixlab/outputs.py partial.touch": "an empty file in a folder that goes at once",
    "remixlab/images.py image.save": "into memory",
    "remixlab/sweep/report/pictures.py picture.save": "into memory",
    "remixlab/sweep/fidelity.py write_table": "ours, which goes through the owner",
    "remixlab/sweep/again.py write_table": "ours, which goes through the owner",
    "remixlab/sweep/lock.py open": "the lock itself, which has to stay the same file",
    "remixlab/sweep/store.py self.journal.open": "grows by lines; a line cut short is taken off",
    "remixlab/mini/dataset.py save": "safetensors' own, into memory",
    "remixlab/mini/latents.py save": "safetensors' own, into memory",
    "remixlab/mini/budget.py self.save": "ours, which goes through the owner",
    "remixlab/cli.py result.save": "ours, which goes through the owner",
    "remixlab/serve/playground/history.py result.save": "ours, which goes through the owner",
    "benchmarks/serve_load.py log.open": "another process's log, in a temporary folder",
    "scripts/fetch_photographs.py zipfile.ZipFile": "read",
}


def programs() -> list[Path]:
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def writes(tree: ast.AST, inside: frozenset[str] = frozenset()) -> Iterator[tuple[str, int]]:
    """Calls that write a file, but into what `with whole(...) as NAME` gave; as (what, line)."""
    if isinstance(tree, ast.With):
        inside |= {
            item.optional_vars.id
            for item in tree.items
            if isinstance(item.context_expr, ast.Call)
            and _name(item.context_expr.func).split(".")[-1] == "whole"
            and isinstance(item.optional_vars, ast.Name)
        }
    if isinstance(tree, ast.Call) and _may_write(tree):
        used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        if not used & inside:
            yield _name(tree.func), tree.lineno
    for child in ast.iter_child_nodes(tree):
        yield from writes(child, inside)


def _name(function: ast.expr) -> str:
    """`a.b.c` as it is written, the last part alone where something else is called."""
    text = ast.unparse(function)
    return text if text.replace(".", "").isidentifier() else text.rpartition(".")[2]


def _may_write(call: ast.Call) -> bool:
    name = _name(call.func).split(".")[-1]
    if name not in OPENING:
        return name in WRITING
    given = [*call.args, *(word.value for word in call.keywords if word.arg == "mode")]
    texts = [part.value for part in given if isinstance(part, ast.Constant)]
    return any(isinstance(t, str) and len(t) <= 3 and MODES & set(t) for t in texts)


def found() -> dict[str, list[int]]:
    lines: dict[str, list[int]] = {}
    for path in programs():
        for what, line in writes(ast.parse(path.read_text())):
            lines.setdefault(f"{path.relative_to(ROOT).as_posix()} {what}", []).append(line)
    return lines


def test_files_are_written_by_their_owner_alone() -> None:
    others = {what: lines for what, lines in found().items() if what not in EXCEPTIONS}
    assert not others, "write through remixlab.files: write_whole, or a library inside `whole`"


def test_every_exception_is_still_there() -> None:
    assert set(EXCEPTIONS) <= set(found())


@pytest.mark.parametrize(
    "line",
    [
        "path.write_text('x')", "(a / 'b').write_bytes(c)", "open(p, 'w')", "p.open('ab')",
        "p.open(mode='r+b')", "picture.save(path)", "torch.save(a, b)", "json.dump(a, file)",
        "pyplot.figure().savefig(p)", "with whole(p) as q:\n    a.save(p)",
        "with other(p) as q:\n    a.save(q)",
    ],
)  # fmt: skip
def test_writing_is_recognised(line: str) -> None:
    assert len(list(writes(ast.parse(line)))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "open(p)", "p.open('rb')", "Image.open(p, formats=('PNG',))",
        "with whole(p) as q:\n    a.save(q / 'x')", "json.dumps(a)",
    ],
)  # fmt: skip
def test_reading_is_not_taken_for_it(line: str) -> None:
    assert not list(writes(ast.parse(line)))

"""The page and the Markdown: what is in them, what is not, and that data stay data."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from remixlab.errors import InvalidConfig
from remixlab.sweep.report import write_report
from remixlab.sweep.report.contents import Dimension, Run
from remixlab.sweep.report.embedded import csv_text, default_axes
from remixlab.sweep.report.markdown import escape, markdown
from remixlab.sweep.report.page import page
from remixlab.sweep.report.pictures import side_for
from remixlab.sweep.report.read import read_run
from tests.sweep.report.synthetic import AXES, METRICS, scores, write_run

EVIL = "</script><b>\"'<!-- <img src=x onerror=alert(1)> $x$ | _a_ &amp; \u2028"


class Elements(HTMLParser):
    """Every element of a page, with its attributes, and the texts of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag in self.raw:
            self.raw[tag].append("")

    def handle_data(self, data: str) -> None:
        if self.cdata_elem in self.raw:
            self.raw[str(self.cdata_elem)][-1] += data
        else:
            self.words.append(data)

    @property
    def data(self) -> Any:
        """What the scripts read."""
        return json.loads(self.raw["script"][0])


def test_everything_is_inside(run: Run) -> None:
    found = Elements(page([run]))
    addresses = [v for _, a in found.found for k, v in a.items() if k in ("src", "href", "srcset")]
    assert all(str(address).startswith("#") for address in addresses)
    assert "http:" not in page([run]) and "https:" not in page([run])
    assert not [k for _, a in found.found for k in a if k.startswith("on") or k == "style"]
    assert len(found.raw["script"]) == 2 and len(found.raw["style"]) == 1


def test_the_policy_lets_in_what_is_there_and_nothing_else(run: Run) -> None:
    found = Elements(page([run]))
    policy = next(a["content"] or "" for t, a in found.found if "http-equiv" in a)
    digests = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (found.raw["script"][1], found.raw["style"][0])
    ]
    assert f"script-src 'sha256-{digests[0]}'" in policy
    assert f"style-src 'sha256-{digests[1]}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy


def test_every_cell_has_its_picture(run: Run) -> None:
    (data,) = Elements(page([run])).data["runs"]
    assert len(data["cells"]) == 24 and data["axes"] == [4, 5]
    for cell, own in zip(data["cells"], run.cells, strict=True):
        header, _, content = cell["picture"].partition(",")
        assert header == "data:image/webp;base64"
        with Image.open(io.BytesIO(base64.b64decode(content))) as picture:
            assert picture.size == (24, 24)
        assert cell["scores"] == own.scores and tuple(cell["at"]) == own.at


def test_pictures_are_reduced_so_that_the_page_stays_small(tmp_path: Path) -> None:
    assert side_for(1) == side_for(200) == 384
    assert 96 <= side_for(100_000) < side_for(1000) < 384
    folder = write_run(tmp_path / "run", keep=lambda row: row["style_fidelity"] == 0)
    wide = Image.effect_noise((900, 450), 80).convert("RGB")
    for path in (folder / "images").iterdir():
        wide.save(path, compress_level=0)
    text = page([read_run(folder)])
    (first, *_) = Elements(text).data["runs"][0]["cells"]
    with Image.open(io.BytesIO(base64.b64decode(first["picture"].partition(",")[2]))) as picture:
        assert picture.size == (384, 192)
    assert len(text) / 8 * 200 < 25e6  # of noise, which is the worst that there is


def test_data_stay_data(tmp_path: Path) -> None:
    axes = AXES | {"prompt": [EVIL], "ref_image": [EVIL, "sea.jpg"]}
    metrics = [metric | {"about": EVIL, "unit": EVIL} for metric in METRICS]
    folder = write_run(
        tmp_path / "run", axes=axes, metrics=metrics, name=EVIL, model=EVIL, notes=[EVIL],
        licence=EVIL, provenance={EVIL: {EVIL: EVIL}},
    )  # fmt: skip
    (folder / "config.yaml").write_text(EVIL, encoding="utf-8")
    out = write_report([folder], tmp_path / "out")
    found = Elements(out.read_text(encoding="utf-8"))
    assert not [t for t, a in found.found if t in ("b", "img") or "onerror" in a]
    assert found.data["runs"][0]["dimensions"][2]["labels"] == [EVIL]
    assert any(EVIL in word for word in found.words)
    assert len(found.raw["script"]) == 2


def test_gaps_are_plain(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", keep=lambda row: row["seed"] == 1)
    (folder / "images" / "0000000000000003_image.png").write_bytes(b"broken")
    (folder / "images" / "0000000000000004_image.png").unlink()
    text = page([read_run(folder)])
    assert "12 of 24 cells are done; 12 are missing." in text
    assert "Pictures that are missing or cannot be read: 2." in text
    cells = Elements(text).data["runs"][0]["cells"]
    assert [number for number, cell in enumerate(cells) if not cell["picture"]] == [3, 4]


def test_a_run_without_a_single_cell_is_shown(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", keep=lambda row: False)
    out = write_report([folder], tmp_path / "out")
    assert "0 of 24 cells are done; 24 are missing." in out.read_text(encoding="utf-8")


def test_random_weights_show_no_score(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", weights="random")
    out = write_report([folder], tmp_path / "out")
    for name in ("report.html", "report.md"):
        text = (tmp_path / "out" / name).read_text(encoding="utf-8")
        assert "random weights" in text and "speed" in text
        assert "clip_style" not in text and "What the dials do" not in text
    data = Elements(out.read_text(encoding="utf-8")).data["runs"][0]
    assert len(data["cells"]) == 24 and "leakage" not in data["csv"]
    assert not (tmp_path / "out" / "plots").exists()


def test_several_runs_share_the_curves(tmp_path: Path, folder: Path) -> None:
    other = write_run(
        tmp_path / "other",
        model="sdxl",
        score=lambda row: {k: v + 1 for k, v in scores(row).items()},
    )
    random = write_run(tmp_path / "random", model="sdxl_lcm", weights="random")
    out = write_report([folder, other, random], tmp_path / "out")
    text = out.read_text(encoding="utf-8")
    labels = [run["label"] for run in Elements(text).data["runs"]]
    assert labels == [f"style_x_outline ({m})" for m in ("mini", "sdxl", "sdxl_lcm")]
    curve = text[text.index('<svg class="chart"') :].partition("</svg>")[0]
    assert curve.count("<polyline") == 2 and "run-0" in curve and "run-1" in curve
    assert curve.count('class="level') == 2  # the baselines agree
    assert "style_x_outline (sdxl_lcm) (no scores)" in text


def test_runs_of_one_name_are_told_apart(tmp_path: Path) -> None:
    places = ("a/x", "a/y", "b/y")
    folders = [write_run(tmp_path / place, weights="random") for place in places]
    out = write_report(folders, tmp_path / "out")
    labels = [run["label"] for run in Elements(out.read_text(encoding="utf-8")).data["runs"]]
    assert len(set(labels)) == 3


def test_the_files_that_are_promised(tmp_path: Path, folder: Path) -> None:
    out = write_report([folder], tmp_path / "new" / "out")
    assert out == tmp_path / "new" / "out" / "report.html" and out.is_file()
    text = (out.parent / "report.md").read_text(encoding="utf-8")
    plots = sorted(path.name for path in (out.parent / "plots").iterdir())
    assert len(plots) == 7 * 2 + 1 and "leakage_style_fidelity.png" in plots
    assert all(f"(plots/{name})" in text for name in plots)
    with Image.open(out.parent / "plots" / "pareto.png") as plot:
        assert plot.size == (990, 720) and plot.info["dpi"] == pytest.approx((300, 300), abs=0.1)


def test_no_run_and_wrong_runs_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfig, match="at least one run folder"):
        write_report([], tmp_path / "out")
    with pytest.raises(InvalidConfig, match=re.escape("sweep.json is missing")):
        write_report([tmp_path / "nothing"], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_markdown_has_the_numbers_of_the_page(run: Run) -> None:
    text = markdown([run], ["leakage_style_fidelity.png", "pareto.png"])
    assert "| reference_rank | 4 (4 to 4) | 2.5 (2.5 to 2.5) | 1 (1 to 1) |" in text
    assert "| reference_rank | falls | -3 (-3 to -3) | falls |" in text
    assert "| style_fidelity 0, outline_fidelity 0 | style_x_outline (mini) | yes |" in text
    assert "git.commit: 0123456789abcdef" in text and "Scored by the mini scorer" in text
    for cell in ("4 (4 to 4)", "Scored by the mini scorer", "0123456789abcdef"):
        assert cell.split(" (")[0] in page([run])


def test_a_dirty_tree_is_in_the_page_and_not_in_the_markdown(tmp_path: Path) -> None:
    diff = "\n".join(f"+ line {number}" for number in range(100))
    run = read_run(write_run(tmp_path / "run", provenance={"git": {"commit": "abc", "diff": diff}}))
    assert diff in Elements(page([run])).words
    text = markdown([run], [])
    assert "git.commit: abc" in text and "+ line 7" not in text


def test_markdown_is_escaped() -> None:
    assert escape("a|b\n# c <b> `d` snake_case _e_") == (
        r"a\|b \# c \<b\> \`d\` snake_case \_e\_"
    )  # fmt: skip


def test_the_table_to_download_has_every_cell(tmp_path: Path) -> None:
    axes = AXES | {"prompt": ['=HYPERLINK("x"), "quoted"\nline']}
    run = read_run(write_run(tmp_path / "run", axes=axes))
    rows = list(csv.DictReader(io.StringIO(csv_text(run), newline="")))
    assert len(rows) == 24 and rows[0]["warnings"] == "the prompt was cut short"
    assert rows[0]["prompt"] == '\'=HYPERLINK("x"), "quoted"\nline'
    assert [float(row["leakage"]) for row in rows] == [c.scores["leakage"] for c in run.cells]


def dimension(name: str, count: int) -> Dimension:
    return Dimension((name,), tuple((i,) for i in range(count)))


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ({"seed": 9, "outline_fidelity": 2, "style_fidelity": 3}, (2, 1)),
        ({"seed": 4, "style_fidelity": 3, "prompt": 5}, (2, 0)),
        ({"seed": 1, "style_fidelity": 3}, (1, -1)),
        ({"seed": 1}, (-1, -1)),
    ],
)
def test_the_axes_at_first(lengths: dict[str, int], expected: tuple[int, int]) -> None:
    assert default_axes([dimension(name, count) for name, count in lengths.items()]) == expected


def test_a_run_without_metrics_has_pictures_alone(tmp_path: Path) -> None:
    text = page([read_run(write_run(tmp_path / "run", metrics=[]))])
    assert "What the dials do" not in text and "Quality scores are not shown" not in text
    assert len(Elements(text).data["runs"][0]["cells"]) == 24

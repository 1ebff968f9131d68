"""The playground in a browser: a whole remix, a small grid, wide and narrow, light and dark."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from remixlab import images
from remixlab.remix import Remixer
from remixlab.serve.playground import launch
from remixlab.serve.playground.examples import find_examples
from remixlab.serve.playground.studio import Studio

pytest.importorskip("gradio", reason="needs gradio: pip install '.[playground]'")
pytest.importorskip("selenium", reason="needs selenium: pip install '.[dev]'")

from selenium.common.exceptions import WebDriverException
from selenium.webdriver.common.by import By

from remixlab.serve.playground.page import build_page
from tests.sweep.report.test_browser import browser, contrast, look_as, pytestmark

__all__ = ["browser", "pytestmark"]  # the fixture, and the skips of where there is none
DESKTOP, PHONE = (1400, 900), (390, 844)
PROMPT = """perfume, "on the beach", it's light=warm, 100% {a: [1]} <b>bold</b>"""
_LIMIT = 90  # seconds; the machine may be busy


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A page over the mini suite, served as the command does."""
    remixer = Remixer.from_config("mini", overrides=["runtime.device=cpu"])
    studio = Studio(remixer, tmp_path_factory.mktemp("made"))
    page = build_page(studio, find_examples())
    options = launch.launch_options("127.0.0.1", None)
    _, url, _ = page.launch(**options, prevent_thread_lock=True)
    yield url
    page.close()
    studio.close()


class Visitor:
    """Somebody at the page."""

    def __init__(
        self, browser: Any, address: str, size: tuple[int, int], mode: str = "light"
    ) -> None:
        self.browser = browser
        look_as(browser, size, mode, mobile=size == PHONE)
        browser.get(address)
        self.until(lambda: self.one("#product_image img").is_displayed())

    def one(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def all(self, selector: str) -> list[Any]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def until(self, condition: Callable[[], Any]) -> Any:
        """What `condition` says once it is true; elements may come and go meanwhile."""
        end = time.monotonic() + _LIMIT
        while time.monotonic() < end:
            try:
                if found := condition():
                    return found
            except WebDriverException:
                pass
            time.sleep(0.05)
        raise AssertionError(f"nothing after {_LIMIT} s: {self.one('body').text[-600:]}")

    def press(self, selector: str) -> None:
        element = self.one(selector)
        self.script("arguments[0].scrollIntoView({block: 'center'})", element)
        self.until(lambda: element.click() or True)

    def tab(self, name: str) -> None:
        tabs = self.all("button[role=tab]")
        next(tab for tab in tabs if tab.text == name and tab.is_displayed()).click()

    def type(self, field: str, text: str) -> None:
        entry = self.one(f"#{field} textarea, #{field} input")
        self.script("arguments[0].scrollIntoView({block: 'center'})", entry)
        entry.clear()
        entry.send_keys(text)

    def script(self, code: str, *arguments: Any) -> Any:
        return self.browser.execute_script(code, *arguments)

    def status(self, tab: str) -> str:
        return self.one(f"#status_{tab}").text

    def cut(self) -> int:
        """Pixels that lie beyond the right edge."""
        return self.script("return document.documentElement.scrollWidth - innerWidth")

    def foreign(self, address: str) -> list[str]:
        """What the page loaded from anywhere else."""
        code = "return performance.getEntriesByType('resource').map(entry => entry.name)"
        return [url for url in self.script(code) if not url.startswith((address, "data:", "blob:"))]


def test_a_whole_remix(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address, DESKTOP)
    visitor.type("prompt", PROMPT)
    visitor.type("seed", "0")
    visitor.press("#run_remix")
    visitor.until(lambda: "1 to 4294967296" in visitor.status("remix"))
    visitor.press("#dice")
    visitor.until(lambda: visitor.one("#seed input").get_attribute("value") == "-1")
    visitor.press("#run_remix")
    visitor.until(lambda: visitor.one("#status_remix progress"))
    visitor.until(lambda: visitor.one("#result img"))  # a preview
    visitor.until(lambda: visitor.status("remix").startswith("seed "))
    seed = visitor.one("#status_remix .seed").text
    visitor.until(lambda: len(visitor.all("#pictures img")) == 4)
    visitor.press("#reuse")
    visitor.until(lambda: visitor.one("#seed input").get_attribute("value") == seed)
    check_snippets(visitor, seed)
    check_download(visitor, browser.downloads, seed)
    visitor.type("prompt", "something else")
    visitor.press("#history button")
    visitor.until(lambda: visitor.one("#prompt textarea").get_attribute("value") == PROMPT)
    assert visitor.cut() <= 0 and visitor.foreign(address) == []
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def check_snippets(visitor: Visitor, seed: str) -> None:
    visitor.tab("command")
    lines = visitor.until(lambda: visitor.all("#command .cm-line"))
    words = shlex.split("\n".join(line.get_attribute("textContent") for line in lines))
    assert words[words.index("--prompt") + 1] == PROMPT
    assert words[words.index("--seed") + 1] == seed
    for name, start in (("curl", "{ printf"), ("Python", "from remixlab")):
        visitor.tab(name)
        box = f"#{name.lower()}"
        visitor.until(lambda box=box, start=start: visitor.one(box).text.find(start) >= 0)
        assert f"copy as {name}" in visitor.one(box).text


def check_download(visitor: Visitor, folder: Path, seed: str) -> None:
    visitor.press("#download")
    path = visitor.until(lambda: next(folder.glob("remix_*.png"), None))
    with Image.open(path) as picture:
        kept = json.loads(picture.text["remixlab"])["request"]  # pyright: ignore
        assert picture.size == (1024, 1024)
    assert kept["seed"] == int(seed) and kept["prompt"] == PROMPT


def test_an_example_is_framed_stopped_and_remixed(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address, DESKTOP, "dark")
    visitor.until(lambda: len(visitor.all("#product_image_examples button")) == 6)
    visitor.press("#product_image_examples button:nth-of-type(5)")
    visitor.press("#size input")
    choices = visitor.until(lambda: visitor.all("[role=option]"))
    next(choice for choice in choices if "1344x768" in choice.text).click()
    visitor.until(lambda: visitor.script("return arguments[0].naturalWidth", framed(visitor)))
    assert visitor.script("return arguments[0].naturalWidth", framed(visitor)) == 1344
    visitor.press("#run_remix")
    visitor.until(lambda: "step " in visitor.status("remix"))
    visitor.press("#stop_remix")
    visitor.until(lambda: visitor.status("remix") == "stopped")
    time.sleep(1)
    assert visitor.status("remix") == "stopped" and visitor.all("#pictures") == []
    visitor.press("#run_remix")
    visitor.until(lambda: "1344x768" in visitor.status("remix"))
    code = (
        "const style = getComputedStyle(arguments[0]); return [style.color, style.backgroundColor]"
    )
    colour, _ = visitor.script(code, visitor.one("#status_remix .state"))
    _, ground = visitor.script(code, visitor.one("body"))
    assert contrast(colour, ground) > 7


def framed(visitor: Visitor) -> Any:
    return visitor.one("#framed img")


def test_uploads(browser: Any, address: str, tmp_path: Path) -> None:
    visitor = Visitor(browser, address, DESKTOP)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture at all")
    opaque = tmp_path / "opaque.png"
    opaque.write_bytes(images.encode_png(Image.new("RGB", (128, 128), "red")))
    for path, words in ((bad, "this is none of them, or broken"), (opaque, "grabcut")):
        visitor.press("#product_image button[aria-label='Clear'], #product_image button")
        entry = visitor.until(lambda: visitor.one("#product_image input[type=file]"))
        entry.send_keys(str(path))
        visitor.until(lambda path=path: path.name in visitor.script(source))
        visitor.press("#run_remix")
        visitor.until(lambda words=words: words in visitor.status("remix"))
        assert "product_image" in visitor.status("remix")


source = "return document.querySelector('#product_image img').src"


def test_a_grid_on_a_phone(browser: Any, address: str) -> None:
    visitor = Visitor(browser, address, PHONE)
    assert visitor.cut() <= 0
    visitor.tab("X/Y grid")
    visitor.until(lambda: visitor.one("#run_grid").is_displayed())
    visitor.type("x_values", "0, 9")
    visitor.press("#run_grid")
    visitor.until(lambda: "style_fidelity" in visitor.status("grid"))
    visitor.type("x_values", "0, 1")
    visitor.type("y_values", "0:2:2")
    visitor.press("#run_grid")
    visitor.until(lambda: visitor.status("grid") == "done")
    picture = visitor.until(lambda: visitor.one("#grid img[src$='.png']"))
    width = visitor.until(lambda: visitor.script("return arguments[0].naturalWidth", picture))
    assert width == 16 + 36 + 2 * (384 + 16)
    assert visitor.cut() <= 0 and visitor.foreign(address) == []

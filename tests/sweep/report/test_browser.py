"""The page in a browser, by file://, as readers use it: wide, narrow, dark, by keyboard."""

from __future__ import annotations

import csv
import io
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from remixlab.sweep.report import write_report
from tests.sweep.report.synthetic import AXES, write_run

webdriver = pytest.importorskip("selenium.webdriver", reason="needs selenium: pip install '.[dev]'")

from selenium.webdriver.common.by import By  # noqa: E402
from selenium.webdriver.common.keys import Keys  # noqa: E402

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
DRIVER = shutil.which("chromedriver")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs chromium and chromedriver"),
]
DESKTOP, PHONE = (1280, 900), (360, 740)


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of one run with gaps, and one of several runs."""
    folder = tmp_path_factory.mktemp("reports")
    axes = AXES | {
        "product_image": ["a.png", "b.png"],
        "prompt": ["x" * 60, "</script><b>bold"],
        "seed": [1, 2, 3],
    }

    def done(row: Any) -> bool:
        return not (row["style_fidelity"] == 1 and row["outline_fidelity"] == 1)

    paired = [["product_image", "prompt"]]
    one = write_run(folder / "one", axes=axes, paired=paired, keep=done)
    two = write_run(folder / "two", model="sdxl_with_a_rather_long_name")
    three = write_run(folder / "three", model="sdxl_lcm", weights="random")
    write_report([one], folder / "single")
    write_report([one, two, three], folder / "several")
    return folder


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    options = webdriver.ChromeOptions()
    options.binary_location = str(CHROMIUM)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    driver.downloads = downloads
    yield driver
    driver.quit()


def look_as(browser: Any, size: tuple[int, int], mode: str, *, mobile: bool) -> None:
    """Give the browser a window of `size` and a light or dark mode."""
    features = [{"name": "prefers-color-scheme", "value": mode}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 1, "mobile": mobile}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


class Reader:
    """Somebody who reads a page."""

    def __init__(
        self, browser: Any, path: Path, size: tuple[int, int], mode: str = "light"
    ) -> None:
        self.browser = browser
        look_as(browser, size, mode, mobile=size == PHONE)
        browser.get(path.as_uri())

    def all(self, selector: str) -> list[Any]:
        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector: str) -> Any:
        return self.browser.find_element(By.CSS_SELECTOR, selector)

    def script(self, code: str, *arguments: Any) -> Any:
        return self.browser.execute_script(code, *arguments)

    def shown(self, selector: str) -> list[str]:
        return [element.text for element in self.all(selector) if element.is_displayed()]

    def choose(self, selector: str, text: str) -> None:
        self.one(selector).click()
        option = next(o for o in self.all(f"{selector} option") if o.text == text)
        option.click()

    def slide(self, name: str, key: str) -> None:
        self.one(f'[data-name="{name}"] input').send_keys(key)

    def press(self, key: str) -> None:
        self.browser.switch_to.active_element.send_keys(key)

    def selected(self) -> str:
        return self.one(".cell[aria-current=true]").get_attribute("data-at")

    def errors(self) -> list[Any]:
        return self.browser.get_log("browser")


@pytest.fixture(params=[DESKTOP, PHONE], ids=["desktop", "phone"])
def reader(request: pytest.FixtureRequest, browser: Any, reports: Path) -> Iterator[Reader]:
    found = Reader(browser, reports / "single" / "report.html", request.param)
    yield found
    assert found.errors() == []


def test_the_grid_begins_with_the_two_dials(reader: Reader) -> None:
    assert reader.shown("#grid thead th") == ["0", "0.5", "1"]
    assert reader.shown("#grid tbody th") == ["0", "1"]
    assert len(reader.all(".cell img")) == 5 and reader.shown(".gap") == ["not made"]
    loaded = "return [...document.querySelectorAll('.cell img')].every(i => i.naturalWidth === 24)"
    assert reader.script(loaded)


def test_axes_are_chosen_and_swapped(reader: Reader) -> None:
    reader.choose("#y", "seed")
    assert reader.shown("#grid tbody th") == ["1", "2", "3"]
    reader.choose("#x", "seed")
    assert reader.shown("#grid thead th") == ["1", "2", "3"]
    assert reader.shown("#grid tbody th") == ["0", "0.5", "1"]
    assert "Across: seed · Down: style_fidelity" in reader.one("#grid caption").text
    labels = [text.split()[0] for text in reader.shown("#dimensions label")]
    assert labels == ["product_image", "ref_image", "outline_fidelity"]


def test_sliders_and_selects_choose_other_pictures(reader: Reader) -> None:
    before = reader.one(".cell img").get_attribute("src")
    reader.slide("seed", Keys.ARROW_RIGHT)
    assert reader.one('[data-name="seed"] .value').text == "2"
    assert reader.one(".cell img").get_attribute("src") != before
    reader.choose('[data-name="product_image + prompt"] select', "b.png, </script><b>bold")
    assert reader.selected() == "1,0,1,0,0"
    assert not reader.all("#dimensions b")


def test_pictures_can_be_made_larger_and_scored(reader: Reader) -> None:
    width = reader.one(".cell").size["width"]
    reader.one("#zoom").send_keys(Keys.ARROW_RIGHT)
    assert reader.one(".cell").size["width"] == width + 8
    reader.choose("#caption", "reference_rank")
    assert reader.shown(".score") == ["4", "2.5", "1", "4", "2.5", "–"]


def test_a_cell_opens_and_the_keys_move_grid_and_view(reader: Reader) -> None:
    cell = reader.all(".cell")[0]
    reader.script("arguments[0].scrollIntoView({block: 'center'})", cell)
    cell.click()
    assert reader.one("#large").is_displayed()
    assert "style_fidelity 0, outline_fidelity 0" in reader.one("#large-title").text
    reader.press(Keys.ARROW_RIGHT)
    reader.press(Keys.ARROW_DOWN)
    reader.press(Keys.ARROW_UP)
    reader.press(Keys.ARROW_DOWN)
    assert "style_fidelity 0.5, outline_fidelity 1" in reader.one("#large-title").text
    assert reader.selected() == "0,0,0,1,1"
    assert "2.5" in reader.one("#large-body").text  # its reference_rank
    reader.press(Keys.ARROW_RIGHT)
    assert reader.one("#large .gap").text == "not made"
    reader.press(Keys.ARROW_RIGHT)  # there is no further one
    assert reader.selected() == "0,0,0,2,1"
    reader.press(Keys.ESCAPE)
    assert not reader.one("#large").is_displayed()
    focused = reader.browser.switch_to.active_element
    assert focused.get_attribute("data-at") == "0,0,0,2,1"


def test_the_dialog_has_buttons_and_keeps_the_focus(reader: Reader) -> None:
    reader.one(".cell").send_keys(Keys.ENTER)
    reader.one('[data-move="x1"]').click()
    assert reader.selected() == "0,0,0,1,0"
    assert reader.one('[data-move="y-1"]').get_attribute("aria-disabled") == "true"
    # The body has the focus while it is with the browser's own buttons.
    inside = "return document.activeElement.matches('dialog *, dialog, body')"
    for _ in range(8):
        reader.press(Keys.TAB)
        assert reader.script(inside)
    reader.one("#close").click()
    assert not reader.one("#large").is_displayed()


def test_the_grid_is_walked_by_keyboard(reader: Reader) -> None:
    assert [c.get_attribute("tabindex") for c in reader.all(".cell")].count("0") == 1
    reader.script("document.querySelector('.cell').focus()")
    reader.press(Keys.ARROW_DOWN)
    reader.press(Keys.ARROW_RIGHT)
    assert reader.selected() == "0,0,0,1,1"
    reader.press(Keys.ENTER)
    assert reader.one("#large").is_displayed()


def test_one_picture_steps_through_all_dials(reader: Reader) -> None:
    reader.one("input[value=single]").click()
    assert not reader.one("#grid").is_displayed() and reader.one("#single img").is_displayed()
    assert len(reader.shown("#dimensions label")) == 5
    reader.slide("style_fidelity", Keys.ARROW_RIGHT)
    reader.slide("outline_fidelity", Keys.ARROW_RIGHT)
    assert "style_fidelity 0.5, outline_fidelity 1" in reader.one("#single img").get_attribute(
        "alt"
    )
    reader.one("input[value=grid]").click()
    assert reader.selected() == "0,0,0,1,1"


def test_every_control_has_a_name_and_every_chart_its_words(reader: Reader) -> None:
    shown = [e for e in reader.all("button, select, input, a, svg.chart") if e.is_displayed()]
    assert [e.get_attribute("outerHTML")[:200] for e in shown if not e.accessible_name] == []
    charts = reader.all("svg.chart")
    assert len(charts) == 7 * 2 + 1
    assert all(c.find_element(By.CSS_SELECTOR, "desc").get_property("textContent") for c in charts)


@pytest.mark.parametrize("name", ["single", "several"])
@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_nothing_overflows_and_all_can_be_read(
    browser: Any, reports: Path, size: tuple[int, int], mode: str, name: str
) -> None:
    reader = Reader(browser, reports / name / "report.html", size, mode)
    reader.script("document.querySelectorAll('details').forEach(d => d.open = true)")
    root = "document.documentElement"
    assert reader.script(f"return {root}.scrollWidth <= {root}.clientWidth")
    reader.one(".cell").send_keys(Keys.ENTER)
    inside = "const d = document.getElementById('large'); return d.scrollWidth <= d.clientWidth"
    assert reader.script(inside)
    paper, ink = (
        reader.script(f"return getComputedStyle(document.body).{name}")
        for name in ("backgroundColor", "color")
    )
    assert contrast(paper, ink) > 12
    assert (luminance(paper) < luminance(ink)) == (mode == "dark")
    quiet = reader.script("return getComputedStyle(document.querySelector('.quiet')).color")
    assert contrast(paper, quiet) > 4.5
    assert reader.errors() == []


def test_runs_are_chosen_and_keep_the_values(browser: Any, reports: Path) -> None:
    reader = Reader(browser, reports / "several" / "report.html", DESKTOP)
    reader.slide("seed", Keys.ARROW_RIGHT)
    reader.choose("#run", "style_x_outline (sdxl_with_a_rather_long_name)")
    assert reader.one('[data-name="seed"] .value').text == "2"
    assert len(reader.all(".cell img")) == 6
    reader.choose("#run", "style_x_outline (sdxl_lcm)")
    assert not reader.one("#caption").is_displayed()
    reader.one(".cell").send_keys(Keys.ENTER)
    assert "Scores" not in reader.one("#large-body").text
    assert reader.errors() == []


def test_the_table_is_downloaded(browser: Any, reports: Path) -> None:
    reader = Reader(browser, reports / "single" / "report.html", DESKTOP)
    link = reader.one("[data-csv]")
    reader.script("arguments[0].scrollIntoView({block: 'center'})", link)
    link.click()
    path = browser.downloads / "one_cells.csv"
    waited = time.monotonic() + 10
    while not path.exists() and time.monotonic() < waited:
        time.sleep(0.05)
    rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))
    assert len(rows) == 60 and {row["prompt"] for row in rows} == {"x" * 60, "</script><b>bold"}
    assert {float(row["reference_rank"]) for row in rows} == {4, 2.5, 1}
    assert reader.errors() == []


def luminance(colour: str) -> float:
    """Relative luminance by WCAG 2 of `rgb(r, g, b)`."""
    channels = [int(part) / 255 for part in colour[4:-1].split(",")]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    """Contrast ratio by WCAG 2."""
    dark, light = sorted(map(luminance, (one, other)))
    return (light + 0.05) / (dark + 0.05)

"""`/docs` works without the internet: it says what the document says and fetches nothing."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import requests

from remixlab.serve.schema import REMIX_SCHEMA
from tests.serve.fakes import PATH, Live


def test_the_page_says_what_the_document_says(live: Live) -> None:
    page = html.unescape(requests.get(live.url + "/docs", timeout=10).text)
    document = requests.get(live.url + "/openapi.json", timeout=10).json()
    assert all(path in page for path in document["paths"])
    for name, field in REMIX_SCHEMA["properties"].items():
        assert f"<code>{name}</code>" in page and field["description"].split(".")[0][:40] in page
    for status in document["paths"][PATH]["post"]["responses"]:
        assert f"<td>{status}</td>" in page
    assert "X-Photio-Key" in page and "X-Remix-Seed" in page
    assert "<code>body</code> is a PNG" in page and "`" not in page


def test_the_page_fetches_nothing(live: Live) -> None:
    answer = requests.get(live.url + "/docs", timeout=10)
    assert not re.findall(
        r"<(?:script|link|img|iframe)|url\(|@import|(?:src|href)=\"http", answer.text
    )
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


@pytest.mark.slow
def test_a_browser_shows_it_and_asks_no_other_host(live: Live, tmp_path: Path) -> None:
    chromium = shutil.which("chromium")
    if chromium is None:
        pytest.skip("no chromium here")
    log = tmp_path / "net.json"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--log-net-log={log}"]
    quiet = ["--disable-background-networking", "--disable-component-update"]
    command = [chromium, *options, *quiet, f"--user-data-dir={tmp_path}", "--dump-dom"]
    done = subprocess.run(
        [*command, live.url + "/docs"], capture_output=True, text=True, timeout=120
    )
    assert "outline_fidelity" in done.stdout
    # The browser's own requests, which no page is the initiator of, are not the page's.
    events = [event.get("params", {}) for event in json.loads(log.read_text())["events"]]
    assert any(event.get("url") == live.url + "/docs" for event in events)
    asked = [
        event["url"] for event in events if str(event.get("initiator")).startswith("http://127")
    ]
    assert not [url for url in asked if not url.startswith(live.url)]

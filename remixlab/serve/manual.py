"""The page at `/docs`: the OpenAPI document as one HTML file that fetches nothing."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

# Nothing from anywhere, and no script: not even a page that a proxy tampers with may load more.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"


def manual(document: dict[str, Any]) -> str:
    """Routes with their fields, answers and headers, as HTML."""
    loader = FileSystemLoader(Path(__file__).parent)
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["json"] = json.dumps
    environment.filters["marked"] = _marked
    return environment.get_template("manual.html").render(api=document)


def _marked(text: str) -> Markup:
    """Descriptions are Markdown, of which they use code alone."""
    return Markup(re.sub(r"`([^`]*)`", r"<code>\1</code>", str(escape(text))))

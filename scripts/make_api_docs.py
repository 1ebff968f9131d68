"""Write docs/api.md from the server's OpenAPI document: `python scripts/make_api_docs.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from remixlab.files import write_whole
from remixlab.outputs import check_file
from remixlab.remix import Remixer
from remixlab.serve.app import create_app
from remixlab.serve.auth import Keys
from remixlab.serve.config import compose_server
from remixlab.serve.service import Service
from remixlab.telling import one_line

TARGET = Path(__file__).parents[1] / "docs" / "api.md"
_INTRODUCTION = """# The HTTP API

Made by `python scripts/make_api_docs.py` from the OpenAPI document, which a running server shows at
`/docs` and `/openapi.json`.

```bash
remixlab keys add me                # prints a key, once
remixlab serve                      # http://127.0.0.1:8000
curl --request POST --url http://127.0.0.1:8000/v1/inference/remix \\
  --header 'X-Photio-Key: KEY' --header 'Content-Type: application/json' \\
  --data '{"prompt": "product photograph of perfume, on the beach", "product_image": "BASE64",
           "ref_image": "BASE64"}'
```

Every answer under `/v1` is `{"status_code": int, "body": str}`, with the same number as HTTP
status, and has an `X-Request-Id`, which names the request in the server's log. A 503 carries
`Retry-After`; `remixlab.RemixClient` waits and tries again by itself. After ten wrong keys from an
address its next requests are looked at eight a second. What is no HTTP, or does not come within
`serve.head_s`, is answered in the same form with 400, 408, 431 or 501, without an id, and the
connection ends. Images as http(s) URLs are
off unless the server runs with `serve.allow_urls=true`.
"""


def main() -> None:
    """Write the file."""
    check_file("api.md", TARGET)
    write_whole(TARGET, api_markdown(openapi_document()))
    print(TARGET)


def openapi_document() -> dict[str, Any]:
    """The OpenAPI document of a server with default settings."""
    config = compose_server()
    service = Service(Remixer.from_settings(config), config, Keys(config.serve.key_path, {}))
    return create_app(service).openapi()


def api_markdown(document: dict[str, Any]) -> str:
    """The document as Markdown: each route with its fields, answers and headers."""
    parts = [_INTRODUCTION]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"## {method.upper()} {path}\n\n{operation['summary']}\n")
            content = operation.get("requestBody", {}).get("content", {})
            for kind, media in content.items():
                parts.append(_fields(kind, media["schema"]))
            parts.append(_answers(operation["responses"]))
    return "\n".join(parts)


def _fields(kind: str, schema: dict[str, Any]) -> str:
    lines = [f"An `{kind}` object; other fields are refused.\n", "| field | default | meaning |"]
    lines.append("|---|---|---|")
    for name, field in schema["properties"].items():
        default = f"`{json.dumps(field['default'])}`" if "default" in field else "required"
        lines.append(f"| `{name}` | {default} | {field['description']} |")
    return "\n".join([*lines, ""])


def _answers(responses: dict[str, Any]) -> str:
    lines = ["| answer | meaning | headers |", "|---|---|---|"]
    for status, answer in responses.items():
        headers = {k: v for k, v in answer.get("headers", {}).items() if k != "X-Request-Id"}
        named = "; ".join(f"`{name}`: {it['description']}" for name, it in headers.items())
        lines.append(f"| {status} | {answer['description']} | {named} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    with one_line():
        main()

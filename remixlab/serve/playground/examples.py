"""The repository's example pictures, where there is a repository; an installed copy has none."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from remixlab.body import read_body
from remixlab.serve.playground.settings import Settings

FOLDER = Path(__file__).parents[3] / "examples"
_FIRST = "perfume_wood.json"


@dataclass(frozen=True)
class Examples:
    """Files to choose from, and the settings that the page starts with."""

    products: list[str] = field(default_factory=list)
    references: list[str] = field(default_factory=list)
    first: Settings = field(default_factory=Settings)


def find_examples(folder: Path = FOLDER) -> Examples:
    """The examples in `folder`; nothing where it is not what it should be."""
    body = folder / "requests" / _FIRST
    if not body.is_file():
        return Examples()
    product, reference = folder / "products" / "perfume.png", folder / "references" / "wood.jpg"
    return Examples(
        products=sorted(map(str, (folder / "products").glob("*.png"))),
        references=sorted(map(str, (folder / "references").glob("*.jpg"))),
        first=Settings(str(product), str(reference), prompt=read_body(body)["prompt"]),
    )

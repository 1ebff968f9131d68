"""The product and the reference of a picture, found by the SHA-256 of their pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from PIL import Image

from remixlab import images
from remixlab.errors import InvalidImage
from remixlab.replay.metadata import LIMITS
from remixlab.replay.record import Record
from remixlab.request import RemixRequest


class Inputs:
    """Pictures that a person gave, and those that a run folder keeps under their SHA-256.

    Args:
        products: files; one that is given takes the place of the folder's.
        references: the same for references.
        run: a run folder, or None.
    """

    def __init__(
        self,
        products: Sequence[Path] = (),
        references: Sequence[Path] = (),
        *,
        run: Path | None = None,
    ) -> None:
        self._given = {
            "product_image": [images.decode(path, field="product_image") for path in products],
            "ref_image": [
                images.flatten(images.decode(path, field="ref_image")) for path in references
            ],
        }
        self._run = run
        self._found: dict[tuple[str, str], Image.Image] = {}

    def request(self, record: Record) -> RemixRequest:
        """The request that a picture was made from.

        Raises:
            InvalidImage: its product or reference is not there, or is another picture.
        """
        return RemixRequest(
            product_image=self._find("product_image", record.product),
            ref_image=self._find("ref_image", record.reference) if record.reference else None,
            **record.fields,
        )

    def _find(self, field: str, wanted: str) -> Image.Image:
        """The same object for the same hash: what is shared in a batch is computed once."""
        if (field, wanted) not in self._found:
            self._found[field, wanted] = self._search(field, wanted)
        return self._found[field, wanted]

    def _search(self, field: str, wanted: str) -> Image.Image:
        path = self._run / "inputs" / f"{wanted}.png" if self._run else None
        pictures = self._given[field]
        if not pictures and path is not None and path.is_file():
            pictures = [images.decode(path, field=field, limits=LIMITS)]
        for picture in (same for each in pictures for same in _spellings(each)):
            if images.sha256(picture) == wanted:
                return picture
        flag = "--product" if field == "product_image" else "--ref"
        raise InvalidImage(
            field=field,
            value=f"SHA-256 {images.sha256(pictures[0])}" if pictures else None,
            accepted=f"the picture whose pixels have the SHA-256 {wanted}, given with {flag} or "
            "kept in the run's inputs/ (a sweep may have made its products smaller)",
        )


def _spellings(picture: Image.Image) -> Iterator[Image.Image]:
    """The picture, and where it is opaque the same one with an alpha, or without its own.

    A program that saved it anew may have changed that; its SHA-256 is another one then.
    """
    yield picture
    if picture.mode == "RGB":
        yield picture.convert("RGBA")
    elif picture.getchannel("A").getextrema()[0] == 255:
        yield picture.convert("RGB")

"""Make the example pictures again: `python scripts/make_samples.py` fills `examples/`.

Products and most references are path-traced with Mitsuba 3 from the data in `scripts/samples/`;
the photographs come out of scikit-image and scikit-learn. A while on one core;
`--spp 16 --size 0.25 --out /tmp/draft` for a draft.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from PIL import Image
from samples.kinds import Scene
from samples.products import PRODUCTS
from samples.references import PAIRINGS, PHOTOGRAPHS, SCENES
from samples.render import encode, light, load_mitsuba, matte, passes, product_camera, shapes

from remixlab.files import whole, write_whole
from remixlab.outputs import check_folder
from remixlab.telling import one_line

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
PITCH, FOV, BASE = 10.0, 16.0, 0.775
"""Camera of the products: degrees looking down, vertical field of view, base line from the top."""


def make_product(mi: Any, name: str, spp: int, scale: float, out: Path) -> Path:
    """Render one cut-out and write it as RGBA: outside all zero, inside exactly 255."""
    product = PRODUCTS[name]
    with tempfile.TemporaryDirectory() as folder:
        colour, alpha = matte(mi, product, spp, scale, Path(folder))
        film = product_camera(mi, product, product.parts(), scale)["film"]
    cut = np.dstack([colour, np.where(alpha > 0.996, 1.0, alpha)])
    cut = (np.clip(cut, 0, 1) * 255 + 0.5).astype(np.uint8)
    cut[cut[..., 3] < 2] = 0
    picture = np.zeros((film["height"], film["width"], 4), np.uint8)
    y, x = film["crop_offset_y"], film["crop_offset_x"]
    picture[y : y + cut.shape[0], x : x + cut.shape[1]] = cut
    path = out / "products" / f"{name}.png"
    with whole(path) as partial:
        Image.fromarray(picture).save(partial, optimize=True)
    return path


def make_reference(mi: Any, name: str, spp: int, scale: float, out: Path) -> Path:
    """Render one reference photograph through a thin lens and write it as JPEG."""
    scene: Scene = SCENES[name]
    width, height = (round(s * scale) for s in scene.size)
    with tempfile.TemporaryDirectory() as folder:
        base: dict[str, Any] = {
            "type": "scene",
            "integrator": {"type": "path", "max_depth": 7},
            "sensor": {
                "type": "thinlens",
                "fov": scene.fov,
                "aperture_radius": scene.aperture,
                "focus_distance": scene.focus,
                "sampler": {"type": "multijitter"},
                "to_world": mi.ScalarTransform4f().look_at(scene.origin, scene.target, [0, 1, 0]),
                "film": {
                    "type": "hdrfilm",
                    "width": width,
                    "height": height,
                    "pixel_format": "rgb",
                },
            },
            **shapes(mi, scene.parts(), 0.0, Path(folder)),
        }
        for i, plain in enumerate(scene.lights()):
            base[f"light{i}"] = light(mi, plain, Path(folder) / f"light{i}.ply")
        image = encode(scene.exposure * passes(mi, mi.load_dict(base), spp))
    return save_photograph(
        (image * 255 + 0.5).astype(np.uint8), out / "references" / f"{name}.jpg", scene.smooth
    )


def save_photograph(pixels: NDArray[np.uint8], path: Path, smooth: float = 0.0) -> Path:
    """Write a JPEG of quality 90, after taking `smooth` levels of noise out of it."""
    if smooth:
        pixels = np.asarray(
            cv2.fastNlMeansDenoisingColored(pixels, None, smooth, smooth, 5, 15), np.uint8
        )
    with whole(path) as partial:
        Image.fromarray(pixels).save(partial, quality=90, subsampling=0)
    return path


def make_requests(out: Path) -> Iterator[Path]:
    """Write one request body for each pairing."""
    for pair in PAIRINGS:
        body = {
            "prompt": pair.prompt,
            "product_image": f"../products/{pair.product}.png",
            "ref_image": f"../references/{pair.reference}.jpg",
            "seed": pair.seed,
            "cfg_scale": 1.75,
            "outline_fidelity": 1.0,
            "style_fidelity": 0.7,
        }
        path = out / "requests" / f"{pair.product}_{pair.reference}.json"
        write_whole(path, json.dumps(body, indent=2) + "\n")
        yield path


def main(
    only: Annotated[
        list[str] | None, typer.Option(help="What to make, e.g. perfume; may be repeated.")
    ] = None,
    spp: Annotated[int, typer.Option(min=8, help="Light paths a pixel.")] = 128,
    size: Annotated[float, typer.Option(min=0.05, max=2.0, help="Scale of the pictures.")] = 1.0,
    variant: Annotated[
        str, typer.Option(help="Mitsuba variant; llvm_ad_rgb is faster.")
    ] = "scalar_rgb",
    out: Annotated[Path, typer.Option(help="Folder to fill.")] = EXAMPLES,
) -> None:
    """Make the example products, references and requests."""
    check_folder("--out", out)
    names = only or [*PRODUCTS, *SCENES, *PHOTOGRAPHS]
    unknown = set(names) - {*PRODUCTS, *SCENES, *PHOTOGRAPHS}
    if unknown:
        raise typer.BadParameter(f"no such picture: {sorted(unknown)}", param_hint="--only")
    mi = load_mitsuba(variant) if set(names) - set(PHOTOGRAPHS) else None
    for i, name in enumerate(names, 1):
        start = time.perf_counter()
        if name in PHOTOGRAPHS:
            path = save_photograph(PHOTOGRAPHS[name](), out / "references" / f"{name}.jpg")
        else:
            path = (make_product if name in PRODUCTS else make_reference)(mi, name, spp, size, out)
        print(f"[{i}/{len(names)}] {path} ({time.perf_counter() - start:.0f} s)", flush=True)
    print(f"{sum(1 for _ in make_requests(out))} requests")


if __name__ == "__main__":
    with one_line():
        typer.run(main)

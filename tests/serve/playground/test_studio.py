"""What the buttons do, on the tiny suite."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pytest
import torch
from PIL import Image

from remixlab import images
from remixlab.models.vae import decode_latents, encode_pixels
from remixlab.remix import Remixer
from remixlab.request import InvalidConfig, InvalidImage, InvalidRequest, RemixError, RemixRequest
from remixlab.serve.playground import history, status
from remixlab.serve.playground.grid import LARGEST, Axis, expand_grid
from remixlab.serve.playground.preview import Preview
from remixlab.serve.playground.settings import Settings
from remixlab.serve.playground.streaming import Runner, Stopped
from remixlab.serve.playground.studio import Step, Studio
from tests.conftest import make_product, make_reference

Result = TypeVar("Result")


def finish(run: Generator[Step, None, Result]) -> tuple[list[Step], Result]:
    """All steps of a run, and its result."""
    steps = []
    while True:
        try:
            steps.append(next(run))
        except StopIteration as end:
            return steps, end.value


def pixels(path: Path | str) -> Any:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))


def alike(one: Any, other: Any) -> bool:
    """Up to rounding: the studio's thread may compute with more OpenMP threads than this one."""
    return one.shape == other.shape and np.abs(one.astype(int) - other).max() <= 1


def test_a_remix_is_the_one_that_its_settings_describe(studio: Studio, form: Settings) -> None:
    steps, entry = finish(studio.remix(form))
    assert [step.done for step in steps] == [0, 1, 2, 3] and {step.total for step in steps} == {3}
    assert steps[0].picture is None
    assert all(step.picture and step.picture.size == (128, 96) for step in steps[1:])
    expected = studio.remixer.remix(form.request())
    assert alike(pixels(entry.pictures["image"]), np.asarray(expected.image))
    assert entry.size == (128, 96) and entry.settings == form
    assert set(entry.timings) == set(expected.timings)
    with Image.open(entry.pictures["image"]) as picture:
        kept = json.loads(picture.text["remixlab"])  # pyright: ignore[reportAttributeAccessIssue]
    assert kept["request"]["prompt"] == form.prompt and kept["request"]["seed"] == 7
    for name in ("mask", "outline", "background"):
        wanted = np.asarray(getattr(expected, name).convert("RGB"))
        assert alike(pixels(entry.pictures[name]), wanted), name


def test_a_drawn_seed_makes_the_picture_again(studio: Studio, form: Settings) -> None:
    _, first = finish(studio.remix(replace(form, seed=-1)))
    assert first.settings.seed >= 1
    _, again = finish(studio.remix(first.settings))
    assert first.pictures["image"] != again.pictures["image"]
    assert np.array_equal(pixels(first.pictures["image"]), pixels(again.pictures["image"]))


def test_a_framed_product_has_the_size_of_its_frame(studio: Studio, form: Settings) -> None:
    _, entry = finish(studio.remix(replace(form, size="ultrawide", ref_image=None)))
    assert entry.size == (1536, 640)
    framed = images.decode(entry.pictures["product"], field="product_image")
    assert np.array_equal(framed, form_product(form, "ultrawide"))
    assert entry.settings.product_name == "p_ultrawide.png"


def form_product(form: Settings, size: str) -> Any:
    return np.asarray(replace(form, size=size).framed_product("alpha"))


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"product_image": None}, "product_image"),
        ({"product_image": "/nowhere.png"}, "product_image"),
        ({"ref_image": "/nowhere.png"}, "ref_image"),
        ({"seed": 0}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"cfg_scale": 31}, "cfg_scale"),
        ({"style_fidelity": 2.1}, "style_fidelity"),
        ({"prompt": "x" * 4001}, "prompt"),
        ({"size": "huge"}, "size"),
        ({"size": "square", "padding": 0.6}, "padding"),
    ],
)
def test_bad_settings_name_the_field(
    studio: Studio, form: Settings, changes: dict[str, Any], field: str
) -> None:
    changed = replace(form, **changes)
    for run in (studio.remix(changed), studio.grid(changed, Axis("seed", "1"), Axis("", ""))):
        with pytest.raises(RemixError) as raised:
            next(run)
        assert raised.value.field == field
        assert f"<b>{field}</b>" in status.failed(raised.value)


def test_what_is_no_picture_is_a_typed_error(
    studio: Studio, form: Settings, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_text("<svg onload='alert(1)'>")
    with pytest.raises(InvalidImage):
        next(studio.remix(replace(form, product_image=str(tmp_path / "bad.png"))))


def test_a_stopped_remix_takes_no_further_step(
    studio: Studio, form: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[int] = []
    real = Remixer.remix

    def remix(self: Remixer, request: RemixRequest, *, on_step: Any = None) -> Any:
        def counted(step: int, steps: int, latents: Any) -> None:
            taken.append(step)
            passed.wait(10)
            on_step(step, steps, latents)

        return real(self, request, on_step=counted)

    passed = threading.Event()
    monkeypatch.setattr(Remixer, "remix", remix)
    run = studio.remix(form)
    next(run)
    run.close()
    passed.set()
    monkeypatch.setattr(Remixer, "remix", real)
    finish(studio.remix(form))  # one thread: the stopped one has ended before this begins
    assert taken == [1]


def test_runs_do_not_overlap_and_waiting_ones_can_be_left(tmp_path: Path) -> None:
    runner, order = Runner(), []
    go = threading.Event()

    def first(emit: Any) -> str:
        emit("begun")
        go.wait(10)
        order.append("first")
        return "done"

    def second(emit: Any) -> None:
        order.append("second")

    one = runner.follow(first)
    assert next(one) == "begun"
    waiting = runner.follow(second)
    follower = threading.Thread(target=lambda: list(waiting))
    follower.start()
    assert order == []
    go.set()
    assert finish(one) == ([], "done")
    follower.join(10)
    assert order == ["first", "second"]
    runner.close()


def test_errors_arrive_and_a_closed_runner_stops_what_runs() -> None:
    runner = Runner()

    def broken(emit: Any) -> None:
        emit(1)
        raise InvalidRequest(field="prompt", value="x", accepted="y")

    run = runner.follow(broken)
    assert next(run) == 1
    with pytest.raises(InvalidRequest):
        next(run)

    def endless(emit: Any) -> None:
        while True:
            emit(0)

    run = runner.follow(endless)
    next(run)
    runner.close()
    with pytest.raises(Stopped):
        for _ in range(10_000_000):
            next(run)


def test_a_grid_has_every_cell_in_its_place(studio: Studio, form: Settings) -> None:
    x, y = Axis("style_fidelity", "0, 1"), Axis("seed", "1:3:1")
    steps, path = finish(studio.grid(form, x, y))
    assert [s.done for s in steps] == sorted(s.done for s in steps)
    assert steps[-1].done == steps[-1].total == 2 * 3 * 3
    drawing = pixels(path)
    gap, label, width, height = 16, 36, 128, 96
    assert drawing.shape == (3 * (height + gap) + gap + label, 2 * (width + gap) + gap + label, 3)
    for column, style in enumerate((0, 1)):
        for row, seed in enumerate((1, 2, 3)):
            left = label + gap + column * (width + gap)
            top = label + gap + row * (height + gap)
            cell = drawing[top : top + height, left : left + width].astype(int)
            alone = studio.remixer.remix(replace(form, style_fidelity=style, seed=seed).request())
            # Another batch may differ in the last bit of a float.
            assert abs(cell - np.asarray(alone.image).astype(int)).max() <= 1, (style, seed)


def test_a_grid_shows_up_batch_by_batch_and_stops(
    studio: Studio, form: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(studio.remixer.config.runtime, "batch_size", 2)
    run = studio.grid(form, Axis("cfg_scale", "0:3:1"), Axis("", ""))
    steps, _ = finish(run)
    drawn = [step for step in steps if step.picture]
    assert [step.done for step in drawn] == [0, 6, 12]
    filled = [int((np.asarray(step.picture) != 225).any(-1).sum()) for step in drawn]
    assert filled[0] < filled[1] < filled[2]
    run = studio.grid(form, Axis("cfg_scale", "0:3:1"), Axis("", ""))
    next(run)
    run.close()


def test_grid_of_a_framed_product_with_a_drawn_seed(form: Settings, tmp_path: Path) -> None:
    changed = replace(form, size="square")
    framed = tmp_path / "framed.png"
    changed.framed_product("alpha").save(framed)
    grid = expand_grid(
        changed.with_seed(9), str(framed), Axis("cfg_scale", "0, 1.5"), Axis("", "9")
    )
    assert [cell.request.cfg_scale for cell in grid.cells] == [0, 1.5]
    assert {cell.request.seed for cell in grid.cells} == {9}
    assert {cell.request.product.size for cell in grid.cells} == {(1024, 1024)}
    assert grid.draw({}).size == (2 * 400 + 16, 400 + 16 + 36)


@pytest.mark.parametrize(
    ("x", "y", "named"),
    [
        (("style_fidelity", "0, lots"), ("", ""), "style_fidelity"),
        (("style_fidelity", ""), ("", ""), "style_fidelity"),
        (("style_fidelity", "0, 0.0"), ("", ""), "style_fidelity"),
        (("style_fidelity", "0:1"), ("", ""), "style_fidelity"),
        (("style_fidelity", "0:1:-1"), ("", ""), "style_fidelity"),
        (("seed", "0, 1"), ("", ""), "seed"),
        (("seed", "-1"), ("", ""), "seed"),
        (("cfg_scale", "1, 99"), ("", ""), "cfg_scale"),
        (("cfg_scale", "1"), ("cfg_scale", "2"), "axes"),
        (("", ""), ("cfg_scale", "2"), "axes"),
        (("seed", f"1:{LARGEST + 1}:1"), ("", ""), "axes"),
        (("prompt_", "1"), ("", ""), "prompt_"),
    ],
)
def test_bad_axes_are_told(
    studio: Studio, form: Settings, x: tuple[str, str], y: tuple[str, str], named: str
) -> None:
    with pytest.raises(InvalidConfig) as raised:
        next(studio.grid(form, Axis(*x), Axis(*y)))
    assert named in raised.value.field


def test_history_keeps_the_newest_and_deletes_the_rest(studio: Studio, form: Settings) -> None:
    _, entry = finish(studio.remix(form))
    kept: list[history.Entry] = []
    for number in range(history.LONGEST + 2):
        path = studio.shelf.write(f"copy_{number}", Image.new("RGB", (2, 2)))
        kept = history.remember(kept, replace(entry, pictures={"image": path}))
    names = [each.pictures["image"].stem for each in kept]
    assert names == [f"copy_{n}" for n in range(history.LONGEST + 1, 1, -1)]
    there = sorted(path.stem for path in studio.shelf.folder.glob("copy_*"))
    assert there == sorted(names)
    assert "seed 7" in entry.caption and "cfg 1.75" in entry.caption


def test_status_says_all_and_escapes_it(studio: Studio, form: Settings) -> None:
    _, entry = finish(studio.remix(form))
    shown = status.finished(replace(entry, warnings=("<b>lost</b>",)))
    assert ">7</span>" in shown and "128x96" in shown and "denoise" in shown
    assert "&lt;b&gt;lost" in shown
    assert 'value="2" max="8"' in status.running(Step(2, 8))
    error = InvalidRequest(field="size", value="<img src=x>", accepted="<i>")
    assert "<img" not in status.failed(error) and "<i>" not in status.failed(error)
    assert "memory" in status.failed(torch.OutOfMemoryError("x"))


def test_a_preview_is_close_to_the_reduced_picture(tmp_path: Path) -> None:
    """With the mini suite: a map of colours, not a decode."""
    remixer = Remixer.from_config("mini", overrides=["runtime.device=cpu"])
    preview = Preview.fit(remixer.suite, 8)
    picture = images.to_tensor(images.resize(make_reference(3), (256, 256)))
    with torch.inference_mode():
        latents = encode_pixels(remixer.suite.vae, picture)
        decoded = images.to_image(decode_latents(remixer.suite.vae, latents))
    shown = preview.picture(latents, 8)
    assert shown.size == (16, 16)
    wanted = np.asarray(decoded.resize((16, 16), Image.Resampling.BOX)).astype(float)
    assert abs(np.asarray(shown) - wanted).mean() < 16
    flat = np.full_like(wanted, wanted.mean())
    assert abs(np.asarray(shown) - wanted).mean() < abs(flat - wanted).mean() / 2


def test_a_noisy_preview_is_better_blurred(tiny_remixer: Remixer) -> None:
    preview = Preview.fit(tiny_remixer.suite, 4)
    shares = [share for share, _ in preview.noise]
    spread = [noise for _, noise in preview.noise]
    assert shares == sorted(shares) and spread == sorted(spread, reverse=True)
    assert preview.noise[-1] == (1.0, 0.0)
    share, noise = preview.noise[1]
    clean = torch.linspace(-1, 1, 32).expand(1, 4, 32, 32)
    noisy = (clean + noise * torch.randn(clean.shape, generator=torch.manual_seed(0))) * share
    plain = Preview(preview.weights, ((share, 0.0),))
    wanted = np.asarray(plain.picture(clean * share, 1)).astype(float)

    def far(of: Preview, step: int) -> float:
        return float(abs(np.asarray(of.picture(noisy, step)) - wanted).mean())

    assert far(preview, 2) < far(plain, 1) / 2


def test_the_product_lies_over_the_preview(studio: Studio, tmp_path: Path) -> None:
    product = make_product(128, 128, seed=5)
    product.save(tmp_path / "big.png")
    steps, _ = finish(studio.remix(Settings(str(tmp_path / "big.png"), seed=3)))
    shown = steps[-1].picture
    assert shown is not None
    alpha = np.asarray(product)[..., 3]
    assert np.array_equal(np.asarray(shown)[alpha == 255], np.asarray(product)[alpha == 255][:, :3])

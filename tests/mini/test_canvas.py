"""The noise that scenes are painted with."""

from __future__ import annotations

import pytest
import torch

from remixlab.mini.canvas import Canvas, Streams, blur, gather_rows, mix, smooth


def canvas(*seeds: int, side: int = 64) -> Canvas:
    return Canvas(side, side, torch.full((len(seeds), 1, 1), 0.5), Streams(torch.tensor(seeds)))


def test_numbers_are_uniform_and_independent() -> None:
    values = Streams(torch.arange(64)).uniform(4096)
    assert float(values.min()) >= 0 and float(values.max()) < 1
    assert float(values.mean()) == pytest.approx(0.5, abs=0.003)
    assert float(values.var()) == pytest.approx(1 / 12, abs=0.001)
    histogram = torch.histc(values, 16) / values.numel()
    assert float((histogram - 1 / 16).abs().max()) < 0.002
    between = torch.corrcoef(values)  # of neighbouring seeds
    assert float((between - torch.eye(64)).abs().max()) < 0.08
    along = torch.corrcoef(torch.stack([values[:, :-1].flatten(), values[:, 1:].flatten()]))[0, 1]
    assert abs(float(along)) < 0.01


def test_each_draw_is_new_and_each_seed_repeats() -> None:
    streams, again = Streams(torch.tensor([5, 9])), Streams(torch.tensor([9]))
    first, second = streams.uniform(100), streams.uniform(100)
    assert not torch.equal(first, second) and not torch.equal(first[0], first[1])
    assert torch.equal(again.uniform(100)[0], first[1])


def test_what_parts_draw_does_not_change_what_comes_after() -> None:
    one, other = canvas(1, 2), canvas(1, 2)
    one.painted(["a", "b"], lambda part, *_: part.noise(4))
    other.painted(["a", "a"], lambda part, *_: part.noise(4) + part.noise(9) + part.noise(30))
    assert torch.equal(one.noise(5), other.noise(5))


def test_pictures_of_one_kind_are_painted_together() -> None:
    seen = []

    def paint(part: Canvas, kind: str, rows: torch.Tensor) -> torch.Tensor:
        seen.append((kind, rows.tolist()))
        return torch.full((len(rows), 2), float(ord(kind)))

    result = canvas(1, 2, 3).painted(["b", "a", "b"], paint)
    assert seen == [("a", [1]), ("b", [0, 2])]
    assert result[:, 0].tolist() == [98, 97, 98]


@pytest.mark.parametrize("across", [2.0, 12.0, 150.0])
def test_noise_has_no_bias_and_stays_in_range(across: float) -> None:
    values = canvas(*range(20)).noise(across)
    assert values.shape == (20, 64, 64)
    assert abs(float(values.mean())) < 0.05 and 0.02 < float(values.std()) < 0.6
    assert float(values.abs().max()) < 1.1


def test_a_mirror_turns_rows_about_its_level() -> None:
    rows = canvas(1, side=8).mirror(torch.full((1, 1, 1), 0.5))
    assert rows.tolist() == [[8, 7, 6, 5, 4, 3, 2, 1]]
    fields = torch.arange(8.0).view(1, 1, 8, 1)
    assert gather_rows(fields, rows.clamp(0, 7)).flatten().tolist() == [7, 7, 6, 5, 4, 3, 2, 1]


def test_mixing_and_smoothing() -> None:
    a, b = torch.zeros(2, 3, 1, 1), torch.ones(2, 3, 1, 1)
    assert mix(a, b, 0.25).unique().tolist() == [0.25]
    assert mix(a, b, torch.full((2, 4, 4), 0.5)).shape == (2, 3, 4, 4)
    assert smooth(torch.tensor([-1.0, 0.0, 0.5, 1.0, 2.0]), 0, 1).tolist() == [0, 0, 0.5, 1, 1]


def test_blur_keeps_the_mean_and_takes_the_detail() -> None:
    noise = torch.rand(1, 3, 64, 64)
    assert torch.equal(blur(noise, 0), noise)
    soft, softer = blur(noise, 0.8), blur(noise, 3.0)
    assert noise.std() > soft.std() > softer.std()
    assert float(softer.mean()) == pytest.approx(float(noise.mean()), abs=0.01)

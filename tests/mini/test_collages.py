from __future__ import annotations

from random import Random

import pytest
import torch

from remixlab.mini.collages import Collage, draw_collage

LOOKS = range(12)


@pytest.mark.parametrize("look", LOOKS)
def test_a_collage_is_a_picture_of_its_number(look: int) -> None:
    first, again, other = (Collage(look, seed).pixels((48, 32)) for seed in (1, 1, 2))
    assert first.shape == (3, 32, 48)
    assert 0 <= float(first.min()) < float(first.max()) <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_moved_collage_has_the_same_look() -> None:
    random = Random(5)
    looks = [draw_collage(random) for _ in LOOKS]
    moved = [collage.moved(random) for collage in looks]
    assert all(a.look == b.look and a.seed != b.seed for a, b in zip(looks, moved, strict=True))
    colours, theirs = (
        torch.stack([c.pixels((64, 64)).mean((1, 2)) for c in some]) for some in (looks, moved)
    )
    own = (colours - theirs).norm(dim=1).mean()
    assert own < 0.5 * (colours - theirs.roll(1, 0)).norm(dim=1).mean()


def test_a_collage_has_edges_at_every_size() -> None:
    """Differences of pixels do not shrink as the picture does, as they do in smooth pictures."""
    sharp = [c for c in map(Collage, range(60), range(60)) if not c._palette.blur][:20]
    large = torch.stack([c.pixels((128, 128)) for c in sharp])
    small = torch.nn.functional.avg_pool2d(large, 4)
    assert float(small.diff(dim=-1).abs().mean()) > 0.5 * float(large.diff(dim=-1).abs().mean())

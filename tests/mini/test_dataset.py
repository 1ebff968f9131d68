from __future__ import annotations

from pathlib import Path

import pytest
import torch

from remixlab.mini import captions, dataset
from remixlab.mini.architecture import IMAGE_SIZE
from remixlab.mini.dataset import draw_shards, photographs, read_shard, shrink, training_pair
from tests.mini.conftest import SCENES


def test_shards_hold_the_scenes_of_their_numbers(shards: list[Path]) -> None:
    for index, (path, size) in enumerate(zip(shards, dataset.SIZES, strict=True)):
        shard = read_shard(path)
        assert shard.images.shape == (SCENES, 3, *size[::-1])
        assert shard.masks.shape == (SCENES, *size[::-1])
        assert shard.references.shape == (SCENES, 3, IMAGE_SIZE, IMAGE_SIZE)
        for place in range(SCENES):
            picture, mask, reference, words = training_pair(1 + index * SCENES + place, size)
            assert torch.equal(shard.images[place], (picture * 255).round().byte())
            assert torch.equal(shard.masks[place], (mask * 255).round().byte())
            assert torch.equal(shard.references[place], (reference * 255).round().byte())
            assert shard.captions[place] == words


def test_shards_are_drawn_once(shards: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(dataset, "_draw_shard", drawn.append)
    folder = shards[0].parent
    assert draw_shards(folder, 2, 1) == shards
    assert drawn == []
    assert draw_shards(folder, 3, 1)[2:] == drawn == [folder / "00002.safetensors"]


def test_interrupted_shards_are_drawn_again(small_world: None, tmp_path: Path) -> None:
    (tmp_path / "00000.partial").write_bytes(b"half a shard")
    (path,) = draw_shards(tmp_path, 1, 1)
    assert read_shard(path).images.shape[0] == SCENES
    assert list(tmp_path.iterdir()) == [path]


def test_shards_are_whole_or_not_there(
    small_world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(dataset, "save_file", fail)
    with pytest.raises(OSError, match="disk full"):
        draw_shards(tmp_path, 1, 1)
    assert not list(tmp_path.glob("*.safetensors"))


def test_some_pairs_are_spoilt_and_say_so() -> None:
    words = [training_pair(number, (32, 32))[3] for number in range(40)]
    spoilt = [text for text in words if text.startswith(captions.NEGATIVE_WORDS)]
    assert 1 <= len(spoilt) <= 10


def test_photographs_are_large_enough_to_crop() -> None:
    for picture in photographs():
        assert picture.shape[0] == 3 and min(picture.shape[1:]) >= 256
        assert 0 <= float(picture.min()) < float(picture.max()) <= 1


def test_shrink_keeps_the_mean() -> None:
    picture = torch.rand(3, 60, 90)
    small = shrink(picture, 30)
    assert small.shape == (3, 30, 30)
    assert torch.allclose(small.mean((1, 2)), picture.mean((1, 2)), atol=0.02)

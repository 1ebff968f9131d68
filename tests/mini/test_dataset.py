from __future__ import annotations

from pathlib import Path

import pytest
import torch

from remixlab.mini import captions, dataset
from remixlab.mini.architecture import IMAGE_SIZE
from remixlab.mini.dataset import draw_shards, read_shard, training_pairs
from remixlab.mini.photographs import photographs
from remixlab.mini.scenes import draw_scene
from tests.mini.conftest import SCENES, SERIES


def test_shards_hold_the_scenes_of_their_numbers(shards: list[Path]) -> None:
    for index, (path, size) in enumerate(zip(shards, SERIES.sizes, strict=True)):
        shard = read_shard(path)
        assert shard.images.shape == (SCENES, 3, *size[::-1])
        assert shard.masks.shape == (SCENES, *size[::-1])
        assert shard.references.shape == (SCENES, 3, IMAGE_SIZE, IMAGE_SIZE)
        first = 1 + index * SCENES
        pairs = training_pairs(range(first, first + SCENES), size)
        for name in ("images", "masks", "references"):
            assert torch.equal(getattr(shard, name), (getattr(pairs, name) * 255).round().byte())
        assert (shard.captions, shard.surfaces) == (pairs.captions, pairs.surfaces)


def test_shards_are_drawn_once(shards: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Path] = []
    monkeypatch.setattr(dataset, "_draw_shard", lambda path, **_: drawn.append(path))
    folder = shards[0].parent
    assert draw_shards(SERIES, folder, 2, 1) == shards
    assert drawn == []
    assert draw_shards(SERIES, folder, 3, 1)[2:] == drawn == [folder / "00002.safetensors"]


def test_interrupted_shards_are_drawn_again(small_world: None, tmp_path: Path) -> None:
    killed = tmp_path / ".partial-killed" / "00000.safetensors"
    killed.parent.mkdir()
    killed.write_bytes(b"half a shard")
    (path,) = draw_shards(SERIES, tmp_path, 1, 1)
    assert path == tmp_path / "00000.safetensors"
    assert read_shard(path).images.shape[0] == SCENES


def test_shards_are_whole_or_not_there(
    small_world: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("remixlab.files.os.fsync", fail)  # when all of it was written
    with pytest.raises(OSError, match="disk full"):
        draw_shards(SERIES, tmp_path, 1, 1)
    assert not list(tmp_path.glob("*.safetensors"))


def test_surfaces_are_named_where_they_are_seen() -> None:
    surfaces = training_pairs(range(40), (32, 32)).surfaces
    for number, surface in enumerate(surfaces):
        style = draw_scene(number).style
        assert surface == ("" if style.shown == "everywhere" else style.surface)
    assert "" in surfaces
    assert len(set(surfaces)) > 5


def test_some_pairs_are_spoilt_and_say_so() -> None:
    words = training_pairs(range(60), (32, 32)).captions
    spoilt = [[text.startswith(captions.NEGATIVE_WORDS) for text in wordings] for wordings in words]
    assert all(any(each) == all(each) for each in spoilt)
    assert 1 <= sum(any(each) for each in spoilt) <= 12


def test_a_scene_is_worded_in_several_ways() -> None:
    words = training_pairs(range(20), (32, 32)).captions
    assert {len(wordings) for wordings in words} == {dataset.WORDINGS}
    assert sum(len(set(wordings)) > 1 for wordings in words) > 15


def test_photographs_are_large_enough_to_crop() -> None:
    for picture in photographs():
        assert picture.shape[0] == 3 and min(picture.shape[1:]) >= 256
        assert 0 <= float(picture.min()) < float(picture.max()) <= 1


def test_pairs_do_not_depend_on_their_company() -> None:
    many, one = training_pairs(range(40), (32, 32)), training_pairs([17], (32, 32))
    for name in ("images", "masks", "references"):
        assert torch.equal(getattr(many, name)[17], getattr(one, name)[0])
    assert many.captions[17] == one.captions[0]

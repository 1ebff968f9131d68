from __future__ import annotations

import os
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from random import Random

import pytest
import torch
from torch import Tensor

from remixlab.mini.processes import ahead, each


def mark(path: Path) -> None:
    path.write_text(f"{os.getpid()} {torch.get_num_threads()}")


def numbers(step: float, random: Random) -> Iterator[Tensor]:
    while True:
        yield torch.tensor([random.random(), step])


def test_every_item_is_worked_on_in_another_process(tmp_path: Path) -> None:
    paths = [tmp_path / str(number) for number in range(4)]
    each(mark, paths, 2, label="marks", unit="file")
    who = [path.read_text().split() for path in paths]
    assert str(os.getpid()) not in {process for process, _ in who}
    assert {threads for _, threads in who} == {"1"}


def test_an_error_in_a_process_is_heard_of(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        each(mark, [tmp_path / "no such folder" / "file"], 1, label="marks", unit="file")


def test_what_is_drawn_here_is_what_the_seed_says() -> None:
    drawn = islice(ahead(partial(numbers, 2.0), 7, 0), 3)
    assert [each.tolist() for each in drawn] == [
        each.tolist() for each in islice(numbers(2.0, Random(7)), 3)
    ]


def test_processes_draw_with_numbers_of_their_own() -> None:
    drawn = [each.tolist() for each in islice(ahead(partial(numbers, 2.0), 7, 2), 6)]
    assert {step for _, step in drawn} == {2.0}
    assert len({number for number, _ in drawn}) == 6

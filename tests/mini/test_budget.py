from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from remixlab.mini.budget import Budget, Trainer, averaged

RATE = 0.1


def make_trainer(folder: Path, *, steps: int = 20, minutes: float = 60) -> Trainer:
    torch.manual_seed(0)
    model = nn.Linear(4, 3)

    def loss(inputs: Tensor) -> Tensor:
        return (model(inputs) - 1).square().mean()

    return Trainer("part", model, loss, Budget(steps, minutes, 2, RATE), folder)


def inputs_at(trainer: Trainer) -> Tensor:
    return torch.randn(8, 4, generator=torch.Generator().manual_seed(trainer.step))


def train(trainer: Trainer, steps: int) -> Trainer:
    for _, _ in zip(range(steps), trainer.run(), strict=False):
        trainer.learn(inputs_at(trainer))
    return trainer


def weights(trainer: Trainer) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in trainer.model.state_dict().items()}


def assert_same(a: Any, b: Any) -> None:
    """Nested dicts and lists of tensors and numbers are equal."""
    if isinstance(a, Tensor):
        assert torch.equal(a, b)
    elif isinstance(a, dict):
        assert a.keys() == b.keys()
        for key in a:
            assert_same(a[key], b[key])
    elif isinstance(a, list):
        assert len(a) == len(b)
        for one, other in zip(a, b, strict=True):
            assert_same(one, other)
    else:
        assert a == b


def test_killed_training_goes_on_from_its_last_save(tmp_path: Path) -> None:
    killed = train(make_trainer(tmp_path / "killed"), 7)
    killed.save()
    saved, optimizer = weights(killed), killed.optimizer.state_dict()["state"]
    saved_optimizer = {k: {n: v.clone() for n, v in s.items()} for k, s in optimizer.items()}
    elapsed, checkpoint = killed.elapsed, killed.path.read_bytes()
    train(killed, 4)
    killed.path.write_bytes(checkpoint)  # as if it had been killed before it could save these

    again = make_trainer(tmp_path / "killed")
    assert (again.step, again.elapsed, len(again.losses)) == (7, elapsed, 7)
    assert_same(weights(again), saved)
    assert_same(again.optimizer.state_dict()["state"], saved_optimizer)

    whole = train(make_trainer(tmp_path / "whole"), 20)
    train(again, 13)
    assert_same(weights(again), weights(whole))
    assert_same(again.average.state_dict(), whole.average.state_dict())
    assert again.losses == whole.losses


def test_finished_training_does_nothing_more(tmp_path: Path) -> None:
    done = train(make_trainer(tmp_path), 100)
    assert done.step == 20 and done.progress == 1
    again = make_trainer(tmp_path)
    assert list(again.run()) == []
    assert_same(weights(again), weights(done))


def test_interrupted_save_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = train(make_trainer(tmp_path), 3)
    trainer.save()

    def half(_: object, path: Path) -> None:
        path.write_bytes(b"half a checkpoint")
        raise KeyboardInterrupt

    train(trainer, 2)
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(torch, "save", half)
        trainer.save()
    assert make_trainer(tmp_path).step == 5


def test_interrupted_training_is_saved(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        for step in trainer.run():
            trainer.learn(inputs_at(trainer))
            if step == 3:
                raise KeyboardInterrupt
    again = make_trainer(tmp_path)
    assert again.step == 4
    assert_same(weights(again), weights(trainer))


def test_time_ends_it_too(tmp_path: Path) -> None:
    trainer = train(make_trainer(tmp_path, steps=10**6, minutes=1e-9), 50)
    assert trainer.step == 1 and trainer.elapsed > 0


def test_average_has_the_models_names_and_lags_behind(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path)
    start = weights(trainer)
    train(trainer, 100)
    state = averaged(torch.load(trainer.path, weights_only=True))
    assert state.keys() == start.keys()
    nn.Linear(4, 3).load_state_dict(state)
    for name, now in weights(trainer).items():
        assert torch.isfinite(state[name]).all()
        assert not torch.equal(state[name], now)
        assert (state[name] - start[name]).norm() < (now - start[name]).norm()


def test_learning_rate_warms_up_and_decays(tmp_path: Path) -> None:
    trainer = make_trainer(tmp_path, steps=300)
    rates = []
    for _ in trainer.run():
        trainer.learn(inputs_at(trainer))
        rates.append(float(trainer.optimizer.param_groups[0]["lr"]))
    top = rates.index(max(rates))
    assert rates[0] == pytest.approx(RATE / 100, rel=0.01)
    assert 60 <= top <= 110 and 0.5 * RATE < rates[top] <= RATE
    assert rates[:top] == sorted(rates[:top])
    assert rates[top:] == sorted(rates[top:], reverse=True)
    assert rates[-1] == pytest.approx(0.02 * RATE)


@pytest.mark.parametrize("bad", [float("inf"), float("nan")])
def test_gradients_that_are_not_finite_spoil_nothing(tmp_path: Path, bad: float) -> None:
    trainer = train(make_trainer(tmp_path), 2)
    before = weights(trainer)
    trainer.learn(inputs_at(trainer) * bad)
    assert trainer.step == 3 and not math.isfinite(trainer.losses[-1])
    for name, value in weights(trainer).items():  # no more than momentum moves them
        assert (value - before[name]).abs().max() < 0.1 * RATE
    assert train(trainer, 17).losses[-1] < trainer.losses[0]


def test_training_lowers_the_loss(tmp_path: Path) -> None:
    losses = train(make_trainer(tmp_path, steps=200), 200).losses
    assert len(losses) == 200
    assert sum(losses[-20:]) < 0.2 * sum(losses[:20])

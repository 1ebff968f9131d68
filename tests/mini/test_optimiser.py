from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from remixlab.mini.budget import Budget, Trainer
from remixlab.mini.optimiser import MatrixOptimizer, as_matrix

LAYOUTS = [torch.contiguous_format, torch.channels_last]


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(20, 24)
        self.first = nn.Conv2d(3, 24, 3, padding=1)
        self.norm = nn.GroupNorm(2, 24)
        self.point = nn.Conv2d(24, 16, 1)
        self.last = nn.Linear(16, 4)
        self.middle = nn.Linear(16, 32)

    def forward(self, pictures: Tensor) -> Tensor:
        said = self.words(torch.arange(len(pictures)))[:, :, None, None]
        seen = self.point(self.norm(self.first(pictures)) + said).mean((2, 3))
        return self.last(seen).sum() + self.middle(seen).square().mean()


def small(layout: torch.memory_format) -> Small:
    torch.manual_seed(0)
    return Small().to(memory_format=layout)


def pictures(step: int = 0) -> Tensor:
    return torch.randn(5, 3, 8, 8, generator=torch.Generator().manual_seed(step))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_matrix_is_a_view_of_its_weight(layout: torch.memory_format) -> None:
    for layer in (nn.Conv2d(3, 24, 3), nn.Conv2d(24, 16, 1), nn.Linear(8, 20)):
        weight = layer.to(memory_format=layout).weight.detach()
        matrix = as_matrix(weight, weight)
        assert matrix.shape == (len(weight), weight[0].numel())
        matrix[1] = 7.0
        assert (weight[1] == 7).all() and not (weight[0] == 7).any()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_matrices_take_steps_of_equal_singular_values(layout: torch.memory_format) -> None:
    model = small(layout)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = MatrixOptimizer(model, torch.tensor(0.1))
    model(pictures()).backward()
    left, _, right = torch.linalg.svd(model.first.weight.detach().flatten(1), full_matrices=False)
    sizes = torch.logspace(0, -1.3, 24)
    model.first.weight.grad = (left * sizes @ right).view(24, 3, 3, 3).to(memory_format=layout)
    optimizer.step()
    moved = {name: value - 0.999 * before[name] for name, value in model.state_dict().items()}
    step = left.T @ moved["first.weight"].flatten(1) @ right.T
    assert step.diagonal().max() < 0 and step.diagonal().min() > 3 * step.diagonal().max()
    assert (step - step.diagonal().diag()).abs().max() < 0.1 * step.diagonal().abs().min()
    root_mean_square = moved["first.weight"].square().mean().sqrt()
    assert 0.1 * 0.1 < root_mean_square < 0.1 * 0.3  # 0.2 of the learning rate, as AdamW's
    assert (moved["last.weight"].abs() > 0.09).all()  # four outputs: left to AdamW


def test_both_layouts_learn_the_same() -> None:
    models = [small(layout) for layout in LAYOUTS]
    for model in models:
        optimizer = MatrixOptimizer(model, torch.tensor(0.01))
        for step in range(3):
            model.zero_grad()
            model(pictures(step)).backward()
            optimizer.step()
    for one, other in zip(models[0].parameters(), models[1].parameters(), strict=True):
        assert torch.allclose(one, other, atol=2e-3)  # products in bfloat16, in another order


def test_killed_training_goes_on_from_its_last_save(tmp_path: Path) -> None:
    def trainer(folder: str) -> Trainer:
        model = small(torch.channels_last)
        return Trainer(
            "part", model, model, Budget(8, 60, 5, 0.01), tmp_path / folder, matrices=True
        )

    def train(trainer: Trainer, steps: int) -> Trainer:
        for step, _ in zip(trainer.run(), range(steps), strict=False):
            trainer.learn(pictures(step))
        return trainer

    whole, part = train(trainer("whole"), 8), train(trainer("part"), 3)
    part.save()
    again = train(trainer("part"), 5)
    assert again.step == whole.step == 8
    for name, value in whole.model.state_dict().items():
        assert torch.equal(again.model.state_dict()[name], value)
    assert again.losses == whole.losses

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
import torch

from remixlab.denoise.conditioning import Branches, Conditions, Dials
from remixlab.denoise.guidance import Guidance, guided_requests, merge_rows, plan_rows

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)
SEEDS = 4


def conditions(dials: list[Dials], noise: list[int] | None = None) -> Conditions:
    """Requests that share a prompt (0), a negative (1), a reference (1) and an outline (0)."""
    count = len(dials)
    return Conditions(
        texts=torch.zeros(2, 3, 4),
        pooled=torch.zeros(2, 4),
        prompts=[0] * count,
        negatives=[1] * count,
        references=torch.zeros(2, 3, 4),
        reference=[1] * count,
        outlines=torch.zeros(1, 4, 8, 8),
        outline=[0] * count,
        time_ids=torch.zeros(6),
        dials=dials,
        noise=noise or [0] * count,
    )


@pytest.fixture
def grid() -> Conditions:
    """5 style x 5 outline x 3 guidance values over 4 seeds."""
    cells = list(product(range(SEEDS), FIVE, FIVE, (1.75, 3.0, 6.0)))
    dials = [Dials(cfg, outline, style) for _, style, outline, cfg in cells]
    return conditions(dials, [seed for seed, *_ in cells])


def test_first_step_of_a_sweep_is_computed_once_for_all_that_share_it(grid: Conditions) -> None:
    rows = plan_rows(grid, grid.noise)
    conditional, unconditional = rows[:300], rows[300:]
    assert len(conditional) == len(unconditional) == 300
    assert len(merge_rows(conditional)[0]) == 25 * SEEDS  # guidance is no input of a network
    assert len({row.controlnet_key for row in conditional}) == SEEDS
    assert len({row.controlnet_key for row in rows}) == 2 * SEEDS


def test_later_steps_are_every_requests_own(grid: Conditions) -> None:
    rows = plan_rows(grid, range(300))
    assert len(merge_rows(rows)[0]) == 600


def test_merged_rows_are_found_again(grid: Conditions) -> None:
    rows = plan_rows(grid, grid.noise)
    kinds, index = merge_rows(rows)
    assert [kinds[number] for number in index] == rows


def test_only_guided_requests_have_an_unconditional_row() -> None:
    asked = conditions([Dials(cfg, 1.0, 0.7) for cfg in (0.0, 1.0, 1.0001, 0.99, 5.0)])
    assert guided_requests(asked) == [2, 4]
    rows = plan_rows(asked, [0, 1, 2, 3, 4])
    assert [row.latents for row in rows] == [0, 1, 2, 3, 4, 2, 4]
    assert [row.text for row in rows] == [0] * 5 + [1] * 2


def test_unconditional_rows_read_no_reference_at_the_same_scale() -> None:
    conditional, unconditional = plan_rows(conditions([Dials(2.0, 0.5, 0.7)]), [0])
    assert (conditional.reference, conditional.style) == (1, 0.7)
    assert (unconditional.reference, unconditional.style) == (0, 0.7)
    assert conditional.outline_scale == unconditional.outline_scale == 0.5


def test_branches_at_zero_do_not_tell_rows_apart() -> None:
    asked = conditions([Dials(1.0, 0.0, 0.0)] * 2)
    asked.reference[1], asked.outline[1] = 0, 7  # type: ignore[index]  # lists here
    first, second = plan_rows(asked, [0, 0])
    assert first == second


def test_guidance_is_the_formula_of_each_request() -> None:
    scales = [1.0, 1.75, 0.0, 7.5]
    asked = conditions([Dials(scale, 0.0, 0.0) for scale in scales])
    predictions = torch.randn(6, 2, 3, 3)
    c, u1, u3 = predictions[:4], predictions[4], predictions[5]
    wanted = torch.stack([c[0], u1 + 1.75 * (c[1] - u1), c[2], u3 + 7.5 * (c[3] - u3)])
    assert torch.allclose(Guidance.plan(asked).combine(predictions), wanted, atol=1e-6)


def test_guidance_for_all_and_for_none() -> None:
    predictions = torch.randn(4, 2, 3, 3)
    everyone = conditions([Dials(3.0, 0.0, 0.0)] * 2)
    c, u = predictions[:2], predictions[2:]
    assert torch.allclose(Guidance.plan(everyone).combine(predictions), 3 * c - 2 * u, atol=1e-5)
    nobody = conditions([Dials(1.0, 0.0, 0.0)] * 4)
    assert torch.equal(Guidance.plan(nobody).combine(predictions), predictions)


def test_branches_run_in_the_steps_that_lie_inside() -> None:
    branches = Branches(guidance=(0.25, 0.6), outline=(0.0, 0.5))
    assert [branches.at(step, 4) for step in range(4)] == [
        (False, True), (True, True), (False, False), (False, False)
    ]  # fmt: skip
    assert all(Branches().at(step, 30) == (True, True) for step in range(30))


def test_a_branch_that_does_not_run_has_no_rows() -> None:
    given = conditions([Dials(3.0, 1.0, 0.7), Dials(1.0, 0.5, 0.7)])
    quiet = given.with_branches(guidance=False, outline=False)
    assert guided_requests(given) == [0] and guided_requests(quiet) == []
    assert all(row.outline_scale == 0 for row in plan_rows(quiet, [0, 1]))
    assert given.with_branches(guidance=True, outline=True) == given


def test_the_outline_can_steer_conditional_rows_alone() -> None:
    given = replace(
        conditions([Dials(3.0, 1.0, 0.7)]), branches=Branches(outline_unconditional=False)
    )
    conditional, unconditional = plan_rows(given, [0])
    assert conditional.outline_scale == 1.0 and unconditional.outline_scale == 0.0

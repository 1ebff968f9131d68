from __future__ import annotations

from copy import deepcopy

import torch
from diffusers.models.controlnets.controlnet import ControlNetConditioningEmbedding
from torch import nn

from remixlab.mini.blockwise import embed_in_blocks


def test_blocks_give_the_same_numbers_and_gradients() -> None:
    torch.manual_seed(0)
    plain = ControlNetConditioningEmbedding(6, block_out_channels=(4, 8, 16))
    nn.init.normal_(plain.conv_out.weight)
    blocks = deepcopy(plain)
    embed_in_blocks(blocks)
    assert blocks.state_dict().keys() == plain.state_dict().keys()
    outlines = torch.rand(2, 3, 24, 40)
    given = [embedding(outlines) for embedding in (plain, blocks)]
    assert given[0].shape == given[1].shape
    assert torch.allclose(given[0], given[1], atol=1e-5)
    for each in given:
        each.square().sum().backward()
    for one, other in zip(plain.parameters(), blocks.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, rtol=1e-3, atol=1e-3)

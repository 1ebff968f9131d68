"""Attention of short sequences in half precision on a CPU: plain products of matrices."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

AttentionKernel = Callable[[Tensor, Tensor, Tensor], Tensor]
"""(B, heads, Q, d), (B, heads, K, d), (B, heads, K, d) -> (B, heads, Q, d)."""

KeyValue = tuple[Tensor, Tensor]

_SHORT = 512 * 512  # scores of one head: above it they leave the cache


class PlainAttention:
    """PyTorch's choice of a kernel, but where plain products are faster those.

    PyTorch's kernel takes up to twice as long there (benchmarks/LOG.md); but with shapes as symbols
    the compiler writes far slower loops around the products.
    """

    def fits(self, query: Tensor, keys: int) -> bool:
        """Whether products are for this query (B, heads, Q, d) and as many keys a head."""
        half = query.device.type == "cpu" and query.dtype != torch.float32
        return half and query.shape[2] * keys <= _SHORT

    def __call__(self, query: Tensor, key: Tensor, value: Tensor) -> Tensor:  # noqa: D102
        if not self.fits(query, key.shape[2]):
            return F.scaled_dot_product_attention(query, key, value)
        weights = _scores(query, key).softmax(-1)
        return _mixed(weights, value, query)

    def both(self, query: Tensor, text: KeyValue, reference: KeyValue, scale: Tensor) -> Tensor:
        """`attend(query, *text) + scale * attend(query, *reference)`, their products made at once.

        Args:
            query: (B, heads, Q, d), one that `fits`.
            text: keys and values, (B, heads, T, d) each.
            reference: keys and values, (B, heads, S, d) each.
            scale: (B, 1, 1, 1).
        """
        length = text[0].shape[2]
        key, value = (torch.cat(pair, 2) for pair in zip(text, reference, strict=True))
        scores = _scores(query, key)
        scaled = scores[..., length:].softmax(-1).unflatten(0, query.shape[:2]) * scale
        weights = torch.cat([scores[..., :length].softmax(-1), scaled.flatten(0, 1)], -1)
        return _mixed(weights, value, query)


def _scores(query: Tensor, key: Tensor) -> Tensor:
    q, k = query.flatten(0, 1), key.flatten(0, 1)
    return torch.baddbmm(q.new_empty(()), q, k.mT, beta=0, alpha=query.shape[-1] ** -0.5)


def _mixed(weights: Tensor, value: Tensor, query: Tensor) -> Tensor:
    return torch.bmm(weights, value.flatten(0, 1)).unflatten(0, query.shape[:2])

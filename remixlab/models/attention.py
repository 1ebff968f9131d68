"""Attention in which every row of a batch reads its own prompt and its own reference.

Diffusers' attention modules keep their weights; only their processors are replaced. A network
call passes one `CrossRows` through `cross_attention_kwargs`, which names for each row the text
and the reference it reads and how strongly. Keys and values of text and reference do not depend
on the picture, so each layer projects them once and finds them in `CrossRows.cache` afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from remixlab.models.plain_attention import AttentionKernel, KeyValue, PlainAttention

if TYPE_CHECKING:
    from diffusers import ControlNetModel, UNet2DConditionModel


@dataclass(frozen=True)
class CrossRows:
    """What the cross-attention layers read, row by row, in one network call.

    Attributes:
        texts: (U, T, D) embeddings of the distinct prompts.
        text_index: (N,) the prompt that each row reads.
        references: (R, S, D) tokens of the distinct references; None when no row reads any.
        reference_index: (A,) the reference that each reading row reads.
        reference_rows: (A,) which rows read a reference at all; the others skip the branch.
        reference_scale: (A, 1, 1) weight of the reference branch for each reading row.
        cache: keys and values by layer, filled by the first call that needs them.
    """

    texts: Tensor
    text_index: Tensor
    references: Tensor | None = None
    reference_index: Tensor | None = None
    reference_rows: Tensor | None = None
    reference_scale: Tensor | None = None
    cache: dict[str, KeyValue] = field(default_factory=dict)

    @classmethod
    def build(
        cls,
        texts: Tensor,
        text_index: Sequence[int],
        *,
        references: Tensor | None = None,
        reference_index: Sequence[int] = (),
        scales: Sequence[float] = (),
        cache: dict[str, KeyValue] | None = None,
    ) -> CrossRows:
        """Rows from plain lists of length N; rows with scale 0 do not read their reference.

        Calls that read the same texts and references may share one `cache`.
        """
        cache = {} if cache is None else cache
        index = torch.tensor(list(text_index), device=texts.device)
        active = [row for row, scale in enumerate(scales) if scale > 0]
        if references is None or not active:
            return cls(texts, index, cache=cache)
        return cls(
            texts,
            index,
            references,
            torch.tensor([reference_index[row] for row in active], device=texts.device),
            torch.tensor(active, device=texts.device),
            torch.tensor([scales[row] for row in active], device=texts.device, dtype=texts.dtype)[
                :, None, None
            ],
            cache,
        )


class RowAttention(nn.Module):
    """Processor for one attention layer of a UNet or ControlNet.

    Follows the decoupled cross-attention of IP-Adapter (Ye et al. 2023, arXiv:2308.06721, eq. 5):
    `out = attend(q, k_text, v_text) + scale * attend(q, k_ref, v_ref)`, with one scale a row.
    Diffusers looks at the signature of `__call__`, hence no `forward`.
    """

    def __init__(
        self,
        name: str,
        kernel: AttentionKernel,
        *,
        width: int | None = None,
        cross_width: int | None = None,
    ) -> None:
        """`width` and `cross_width` (channels of the layer and of the tokens) add a reference."""
        super().__init__()
        self.name = name
        self.kernel = kernel
        self.reference_enabled = width is not None
        if width is not None and cross_width is not None:
            self.to_k_ip = nn.Linear(cross_width, width, bias=False)
            self.to_v_ip = nn.Linear(cross_width, width, bias=False)

    def __call__(  # noqa: D102
        self,
        attn: Any,  # diffusers' Attention, or what its other classes pass for one
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        rows: CrossRows | None = None,
    ) -> Tensor:
        query = split_heads(attn.to_q(hidden_states), attn.heads)
        if encoder_hidden_states is None or rows is None:
            source = hidden_states if encoder_hidden_states is None else encoder_hidden_states
            read = attn.to_k(source), attn.to_v(source)
            out = self.kernel(query, *(split_heads(part, attn.heads) for part in read))
        else:
            out = self._cross(attn, query, rows)
        return attn.to_out[1](attn.to_out[0](join_heads(out)))

    def project(self, attn: Any, rows: CrossRows, references: Tensor | None) -> None:
        """Fill the cache of `rows` with what this cross-attention layer, `attn`, reads."""
        self._text(attn, rows)
        if self.reference_enabled and references is not None:
            self._reference(rows, references)

    def _text(self, attn: Any, rows: CrossRows) -> KeyValue:
        return self._project(rows, "text", rows.texts, attn.to_k, attn.to_v)

    def _reference(self, rows: CrossRows, tokens: Tensor) -> KeyValue:
        return self._project(rows, "reference", tokens, self.to_k_ip, self.to_v_ip)

    def _cross(self, attn: Any, query: Tensor, rows: CrossRows) -> Tensor:
        """What each row reads: its text, and its reference if it has one."""
        text = _of_rows(self._text(attn, rows), rows.text_index, attn.heads)
        index, scale = rows.reference_rows, rows.reference_scale
        if not self.reference_enabled or rows.references is None or index is None or scale is None:
            return self.kernel(query, *text)
        tokens = self._reference(rows, rows.references)
        reference = _of_rows(tokens, rows.reference_index, attn.heads)
        if (
            isinstance(self.kernel, PlainAttention)
            and len(index) == len(query)
            and self.kernel.fits(query, text[0].shape[2] + reference[0].shape[2])
        ):
            return self.kernel.both(query, text, reference, scale[..., None])
        out = self.kernel(query, *text)
        added = (self.kernel(query[index], *reference) * scale[..., None]).to(out.dtype)
        if torch.compiler.is_compiling():  # a copy joins the loops around it, an addition does not
            return out.index_copy(0, index, out[index] + added)
        return out.index_add(0, index, added)

    def _project(
        self, rows: CrossRows, kind: str, source: Tensor, to_key: nn.Module, to_value: nn.Module
    ) -> KeyValue:
        slot = f"{self.name}/{kind}"
        if slot not in rows.cache:
            rows.cache[slot] = (to_key(source), to_value(source))
        return rows.cache[slot]


def project_tokens(
    network: UNet2DConditionModel | ControlNetModel, texts: Tensor, references: Tensor | None = None
) -> dict[str, KeyValue]:
    """The cache of `CrossRows` for all calls of a network that read these texts and references.

    Calls then only read the cache, which is what lets them be compiled.
    """
    rows = CrossRows.build(texts, [])
    layers: Any = network.cross_attention
    for attn in layers:
        attn.processor.project(attn, rows, references)
    return rows.cache


def _of_rows(read: KeyValue, index: Tensor | None, heads: int) -> KeyValue:
    """Keys and values (U, T, heads * d) -> those of the rows (N, heads, T, d)."""
    key, value = (split_heads(part[index], heads) for part in read)
    return key, value


def split_heads(tensor: Tensor, heads: int) -> Tensor:
    """(B, T, heads * d) -> (B, heads, T, d)."""
    return tensor.unflatten(-1, (heads, -1)).transpose(1, 2)


def join_heads(tensor: Tensor) -> Tensor:
    """(B, heads, T, d) -> (B, T, heads * d)."""
    return tensor.transpose(1, 2).flatten(2)


def attach_processors(
    network: UNet2DConditionModel | ControlNetModel, kernel: AttentionKernel, *, references: bool
) -> dict[str, RowAttention]:
    """Give every attention layer of a UNet or ControlNet a `RowAttention`; returns them by name.

    With `references`, cross-attention layers get the projections of an IP-Adapter, made on the
    device and in the dtype of the layer they serve and filled later.
    """
    processors: dict[str, RowAttention] = {}
    for name, attn in attention_layers(network):
        reads = references and name.endswith("attn2")
        processor = RowAttention(
            f"{type(network).__name__}/{name}",
            kernel,
            width=attn.to_k.out_features if reads else None,
            cross_width=attn.to_k.in_features if reads else None,
        )
        weight = attn.to_k.weight
        attn.set_processor(processor.to(device=weight.device, dtype=weight.dtype))
        processors[name] = processor
    crossing = (attn for name, attn in attention_layers(network) if name.endswith("attn2"))
    # Looked up once, for `project_tokens`; a tuple, so that no weight has a second name.
    network.cross_attention = tuple(crossing)  # pyright: ignore[reportArgumentType]
    return processors


def detach_processors(network: UNet2DConditionModel | ControlNetModel) -> None:
    """Put diffusers' own processors back; the network is as it was loaded."""
    from diffusers.models.attention_processor import AttnProcessor2_0

    for _, attn in attention_layers(network):
        attn.set_processor(AttnProcessor2_0())


def attention_layers(
    network: UNet2DConditionModel | ControlNetModel,
) -> Iterator[tuple[str, Any]]:
    """Names and modules of all attention layers, in the order in which IP-Adapter counts them."""
    names = [name.removesuffix(".processor") for name in network.attn_processors]
    return ((name, network.get_submodule(name)) for name in names)

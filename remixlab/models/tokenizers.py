"""Tokenizers for suites that come without any: single files and random weights."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from transformers import CLIPTokenizer

from remixlab.models.parts import read_tokenizer

_START, _END = "<|startoftext|>", "<|endoftext|>"


def architecture_tokenizers(folder: Path) -> tuple[CLIPTokenizer, CLIPTokenizer]:
    """The two tokenizers of an architecture's folder; CLIP's own where it has none.

    CLIP's vocabulary ships with open_clip. SDXL pads its first tokenizer with the end token and
    its second with token 0, which is `!`.
    """
    names = ("tokenizer", "tokenizer_2")
    if all((folder / name).is_dir() for name in names):
        return read_tokenizer(folder / names[0]), read_tokenizer(folder / names[1])
    return clip_tokenizer(padding=_END), clip_tokenizer(padding="!")


def clip_tokenizer(*, padding: str) -> CLIPTokenizer:
    """OpenAI CLIP's tokenizer: 49,408 tokens, 77 a text, padded with the token `padding`."""
    from open_clip.tokenizer import SimpleTokenizer  # seconds to import, and rarely needed

    original = SimpleTokenizer()
    merges: Any = list(original.bpe_ranks)  # pairs, which transformers takes and does not declare
    # open_clip spells the two special tokens, the last of its vocabulary, in its own way.
    tokens = [*list(original.encoder)[:-2], _START, _END]
    return CLIPTokenizer(
        vocab={token: index for index, token in enumerate(tokens)},
        merges=merges,
        pad_token=padding,
        model_max_length=77,
    )

"""A CLIP tokenizer with a vocabulary of its own, learnt from captions.

CLIP's 49,408 tokens would outweigh the whole suite; the mini suite's world needs a few hundred.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import CLIPTokenizer

from remixlab.mini.architecture import TEXT_LENGTH, VOCABULARY

_START, _END, _WORD_END = "<|startoftext|>", "<|endoftext|>", "</w>"


def learn_tokenizer(captions: Iterable[str]) -> CLIPTokenizer:
    """Byte-pair merges over `captions`, in CLIP's own format (start 0, end and padding 1).

    Every byte is in the vocabulary, alone and as the end of a word, so any text can be encoded.
    """
    backend = CLIPTokenizer().backend_tokenizer
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    endings = [symbol + _WORD_END for symbol in alphabet]
    trainer = BpeTrainer(
        vocab_size=2 * VOCABULARY,
        initial_alphabet=alphabet,
        # Numbered here, for the trainer numbers them by chance, which decides between equal counts.
        special_tokens=endings,
        end_of_word_suffix=_WORD_END,
        show_progress=False,
    )
    backend.train_from_iterator(captions, trainer)
    tokens = [_START, _END, *alphabet, *endings]
    # Any, for transformers says "list[str]" and takes pairs.
    merges: list[Any] = [tuple(pair) for pair in _merges(backend)][: VOCABULARY - len(tokens)]
    tokens += ["".join(pair) for pair in merges]
    vocabulary = {token: index for index, token in enumerate(dict.fromkeys(tokens))}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=TEXT_LENGTH)


def _merges(backend: Tokenizer) -> list[list[str]]:
    merges = json.loads(backend.to_str())["model"]["merges"]
    return [pair.split(" ") if isinstance(pair, str) else pair for pair in merges]

from __future__ import annotations

import torch

from remixlab.denoise.conditioning import distinct, encode_texts, lost_words, micro_conditioning
from remixlab.models.suite import Suite

WORD = "bottle"


def longest(suite: Suite) -> str:
    """As many words as the text encoders read."""
    text = WORD
    for tokenizer in suite.tokenizers:
        while len(tokenizer(f"{text} {WORD}").input_ids) <= tokenizer.model_max_length:
            text = f"{text} {WORD}"
    return text


def test_distinct_things_in_order() -> None:
    assert distinct(["b", "a", "b", "c", "a"]) == (["b", "a", "c"], [0, 1, 0, 2, 1])
    assert distinct([]) == ([], [])
    assert distinct([(1, 2), (1, 2)]) == ([(1, 2)], [0, 0])


def test_nothing_is_lost_of_what_fits(tiny_suite: Suite) -> None:
    for text in ("", "a red bottle on an oak table", longest(tiny_suite)):
        assert lost_words(tiny_suite, text) == ""


def test_lost_words_are_the_end_of_the_text(tiny_suite: Suite) -> None:
    text = longest(tiny_suite)
    assert lost_words(tiny_suite, f"{text} {WORD}") == WORD
    assert lost_words(tiny_suite, f"{text} {WORD} a jar") == f"{WORD} a jar"


@torch.inference_mode()
def test_lost_words_change_nothing_and_the_others_do(tiny_suite: Suite) -> None:
    text = longest(tiny_suite)
    embeddings, pooled = encode_texts(tiny_suite, [text, f"{text} {WORD}", f"a {text}"])
    assert torch.allclose(embeddings[0], embeddings[1], atol=1e-6)
    assert torch.allclose(pooled[0], pooled[1], atol=1e-6)
    assert not torch.allclose(embeddings[0], embeddings[2], atol=1e-2)


@torch.inference_mode()
def test_texts_are_encoded_apart(tiny_suite: Suite) -> None:
    texts = ["a red bottle", "", "a blue jar on white marble"]
    embeddings, pooled = encode_texts(tiny_suite, texts)
    width = tiny_suite.unet.config["cross_attention_dim"]
    assert embeddings.shape == (3, tiny_suite.tokenizers[0].model_max_length, width)
    for number, text in enumerate(texts):
        alone, alone_pooled = encode_texts(tiny_suite, [text])
        assert torch.allclose(embeddings[number], alone[0], atol=1e-5)
        assert torch.allclose(pooled[number], alone_pooled[0], atol=1e-5)


def test_micro_conditioning_says_height_first() -> None:
    assert micro_conditioning(1344, 768).tolist() == [768, 1344, 0, 0, 768, 1344]

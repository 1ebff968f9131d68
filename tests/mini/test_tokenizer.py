from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import CLIPTokenizer

from remixlab.mini.architecture import TEXT_LENGTH, VOCABULARY
from remixlab.mini.scenes import draw_scene
from remixlab.mini.tokenizer import learn_tokenizer
from remixlab.models.parts import read_tokenizer

START, END = 0, 1
TEXTS = ("", "a red bottle on wood", "Bottiglia d'acqua, 水, 🏖", "x" * 300)


@pytest.fixture(scope="module")
def without_captions() -> CLIPTokenizer:
    """Bytes only: nothing but the alphabet to fall back on."""
    return learn_tokenizer([])


@settings(deadline=None)
@given(text=st.text(max_size=40))
def test_any_text_can_be_encoded(
    text: str, tokenizer: CLIPTokenizer, without_captions: CLIPTokenizer
) -> None:
    for one in (tokenizer, without_captions):
        ids = one(text).input_ids
        assert ids[0] == START and ids[-1] == END
        # The end mark is also CLIP's "unknown": inside a text it would stand for something lost.
        assert all(END < number < len(one) for number in ids[1:-1])


def test_the_same_captions_give_the_same_tokenizer() -> None:
    captions = [draw_scene(number).caption(0.1) for number in range(300)]
    first, again = (learn_tokenizer(captions).backend_tokenizer.to_str() for _ in range(2))
    assert first == again


def test_vocabulary_is_small(tokenizer: CLIPTokenizer) -> None:
    assert len(tokenizer) <= VOCABULARY
    numbers = tokenizer.get_vocab().values()
    assert sorted(numbers) == list(range(len(tokenizer)))


def test_words_of_the_world_are_few_tokens(tokenizer: CLIPTokenizer) -> None:
    for number in range(20):
        words = draw_scene(number).caption(0.0)
        ids = tokenizer(words).input_ids
        assert len(ids) < 3 * len(words.split()) + 2
        told = tokenizer.decode(ids, skip_special_tokens=True)
        assert str(told).replace(" ", "") == words.replace(" ", "")


def test_padding_and_truncation(tokenizer: CLIPTokenizer) -> None:
    for text in TEXTS:
        ids = tokenizer(text, padding="max_length", truncation=True).input_ids
        assert len(ids) == TEXT_LENGTH
        assert ids[0] == START and ids[-1] == END


def test_saved_tokenizer_is_the_same(tokenizer: CLIPTokenizer, tmp_path: Path) -> None:
    tokenizer.save_pretrained(tmp_path)
    again = read_tokenizer(tmp_path)
    assert again.model_max_length == tokenizer.model_max_length == TEXT_LENGTH
    for text in (*TEXTS, draw_scene(5).caption(0.0)):
        assert again(text).input_ids == tokenizer(text).input_ids

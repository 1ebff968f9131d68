from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

import remixlab
from remixlab.denoise.conditioning import (
    distinct,
    encode_texts,
    lost_words,
    micro_conditioning,
    text_warnings,
    unread_words,
)
from remixlab.denoise.prompt_syntax import foreign_syntax
from remixlab.mini.tokenizer import learn_tokenizer
from remixlab.models.parts import read_tokenizer
from remixlab.models.suite import Suite
from remixlab.models.tokenizers import clip_tokenizer
from remixlab.remix import Remixer
from remixlab.request import RemixRequest

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


EXAMPLES = Path(__file__).parents[2] / "examples" / "requests"
ORDINARY = [
    "",
    "a jar (made of clay) on oak, 50mm f/1.8, ISO 100 (studio)",
    "still life (16:9), at 10:30, ratio 4:3 (scale 1:2.5)",
    "café crème brûlée, naïve \u2013 \u201cquoted\u201d, it's 100% d\u2019été; ½ \u2122 ©®",
    "Flasche über Straße, żółć, Señor Núñez, Hawai\u02bbi, İstanbul, Đà Nẵng",
    "soft-light, hand-made, all-in-one -- sharp, no. 5, 1ª 2º, 45°, 10 µm, π, Ω, 5 Å",
    "A RED BOTTLE AND A JAR ON A TABLE, SALT AND PEPPER",
    "a poster that says COFFEE BREAK, R&B, a/b, C++, x_y, snake_case_name, #1 @home",
    "light: soft, colours: red [studio] {warm} <3 a > b | c",
    "e\u0301clair in NFD, ﬁne ligature",
]
SYNTAX = {
    "an (oak:1.3) table": ["(oak:1.3)"],
    "an (oak table, warm: 0.8) and (red:2)": ["(oak table, warm: 0.8)", "(red:2)"],
    "((masterpiece)), [[grain]]": ["((masterpiece))", "[[grain]]"],
    "(oak)1.2 (light)++": ["(oak)1.2", "(light)+"],
    "oak BREAK marble": ["BREAK"],
    "oak AND marble": ["AND"],
    "oak <lora:film:0.8> <hypernet:x:1>": ["<lora:film:0.8>", "<hypernet:x:1>"],
    "{oak|marble} table, {2$$red|blue|green}": ["{oak|marble}", "{2$$red|blue|green}"],
    "[oak:marble:0.5] [oak:0.25] [oak|marble]": [
        "[oak:marble:0.5]",
        "[oak:0.25]",
        "[oak|marble]",
    ],
    "__colour__ jar, embedding:easynegative": ["__colour__", "embedding:easynegative"],
    "a jar --ar 16:9 --v 6": ["--ar 16:9", "--v 6"],
    "jar::2 table": ["jar::2"],
}
UNREAD = {
    "Бутылка на столе": ["Бутылка", "на", "столе"],
    "a bottle, стол": ["стол"],
    "瓶子在桌上": ["瓶子在桌上"],
    "a 瓶 on oak": ["瓶"],
    "ガラスの瓶": ["ガラスの瓶"],
    "ελληνικά": ["ελληνικά"],
}


@pytest.fixture(params=["mini", "clip"])
def reading(tiny_suite: Suite, request: pytest.FixtureRequest) -> Suite:
    """A suite with the tokenizers that ship, and one with CLIP's own."""
    if request.param == "clip":
        tokenizer = clip_tokenizer(padding="!")
    else:
        weights = Path(str(remixlab.__file__)).parent / "mini" / "weights"
        tokenizer = read_tokenizer(weights / "tokenizer")
    return replace(tiny_suite, tokenizers=(tokenizer, tokenizer))


def test_ordinary_prompts_give_no_warning(reading: Suite) -> None:
    requests = [json.loads(path.read_text()) for path in EXAMPLES.glob("*.json")]
    prompts = [
        request.get(key, "") for request in requests for key in ("prompt", "negative_prompt")
    ]
    assert len(set(prompts)) > 5
    for text in (*ORDINARY, *prompts):
        assert foreign_syntax(text) == [], text
        assert unread_words(reading, text) == [], text
        if len(text) < 60:
            assert text_warnings(reading, text) == []


@pytest.mark.parametrize("text", SYNTAX)
def test_syntax_of_other_tools_is_found(reading: Suite, text: str) -> None:
    assert foreign_syntax(text) == SYNTAX[text]
    [warning, *_] = [told for told in text_warnings(reading, text) if "word for word" in told]
    assert SYNTAX[text][0] in warning


@pytest.mark.parametrize("text", UNREAD)
def test_letters_that_the_encoders_hardly_know_are_found(reading: Suite, text: str) -> None:
    assert unread_words(reading, text) == UNREAD[text]
    assert any(UNREAD[text][0] in told for told in text_warnings(reading, text))


def test_a_tokenizer_that_knows_a_script_reads_it(tiny_suite: Suite) -> None:
    tokenizer = learn_tokenizer(["бутылка на столе"])
    knowing = replace(tiny_suite, tokenizers=(tokenizer, tokenizer))
    assert unread_words(knowing, "бутылка на столе") == []


def test_pictographs_count_where_the_vocabulary_has_them_not(reading: Suite) -> None:
    known = len(reading.tokenizers[0]) > 40_000
    assert unread_words(reading, "a jar 😀") == ([] if known else ["😀"])


def test_a_warning_repeats_little_of_a_long_text(reading: Suite) -> None:
    long = " ".join(f"(oak{chr(97 + n % 26)}{chr(97 + n // 26)}:1.2) стол{n}" for n in range(90))
    told = [text for text in text_warnings(reading, long) if "longer than" not in text]
    assert len(told) == 2 and all(len(text) < 320 for text in told)


def test_a_remix_says_how_its_texts_were_read(tiny_remixer: Remixer, product: Image.Image) -> None:
    asked = RemixRequest(
        product_image=product, prompt="a (jar:1.2) on oak", negative_prompt="стол", seed=1
    )
    syntax, letters = tiny_remixer.remix(asked).warnings
    assert syntax.startswith("prompt ") and "(jar:1.2)" in syntax
    assert letters.startswith("negative_prompt ") and "стол" in letters
    plain = replace(asked, prompt="a (jar) on oak", negative_prompt="a table")
    assert tiny_remixer.remix(plain).warnings == []

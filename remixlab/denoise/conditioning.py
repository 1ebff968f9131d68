"""What the networks read for a batch of requests: every distinct thing once, and who reads it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from torch import Tensor
from transformers import CLIPTokenizer

from remixlab.denoise.prompt_syntax import foreign_syntax
from remixlab.models.suite import Suite

K = TypeVar("K", bound=Hashable)
_SHOWN = 120  # characters of a prompt that a warning repeats
_LATIN = (
    "LATIN ",
    "FEMININE ORDINAL",
    "MASCULINE ORDINAL",
    "MODIFIER LETTER",
    "KELVIN",
    "ANGSTROM",
)
_PICTOGRAPHS = "\u2600"  # from here on; signs such as degrees and trademarks come before
_WORD = re.compile(r"[^\W\d_]+|[\u2600-\u27BF\U0001F000-\U0001FAFF]")


@dataclass(frozen=True)
class Dials:
    """The numbers of one request as the networks take them; `style` is the adapter's scale."""

    cfg_scale: float
    outline: float
    style: float


@dataclass(frozen=True)
class Branches:
    """When the branches that a dial asks for run at all; the default is always, everywhere.

    Attributes:
        guidance: the share of the steps, from and until, in which the unconditional pass runs
            (Kynkäänniemi et al. 2024, arXiv:2404.07724: guidance early only harms diversity).
        outline: the same for the ControlNet.
        outline_unconditional: whether the ControlNet steers the unconditional rows too.
    """

    guidance: tuple[float, float] = (0.0, 1.0)
    outline: tuple[float, float] = (0.0, 1.0)
    outline_unconditional: bool = True

    def at(self, step: int, steps: int) -> tuple[bool, bool]:
        """Whether guidance and outline run in `step`, from 0, of `steps`.

        A step runs where the whole of it lies inside, as with diffusers' `control_guidance_end`.
        """
        guided, outlined = (
            start <= step / steps and (step + 1) / steps <= end
            for start, end in (self.guidance, self.outline)
        )
        return guided, outlined


@dataclass(frozen=True)
class Conditions:
    """Distinct texts, references and outlines of B requests of one size, indexed by request.

    Attributes:
        texts: (U, T, D) and `pooled` (U, P): the distinct prompts, negative ones included.
        references: (1 + R, T', D) tokens, number 0 being "no reference"; None if nobody has one.
        outlines: (O, C, h, w) embedded outline maps; None if nobody uses one.
        time_ids: (6,) SDXL's micro-conditioning, in pixels.
        dials: one per request; a request without a reference has `style` 0.
        noise: equal numbers mean equal starting noise.
        branches: when guidance and outline run.
    """

    texts: Tensor
    pooled: Tensor
    prompts: Sequence[int]
    negatives: Sequence[int]
    references: Tensor | None
    reference: Sequence[int]
    outlines: Tensor | None
    outline: Sequence[int]
    time_ids: Tensor
    dials: Sequence[Dials]
    noise: Sequence[int]
    branches: Branches = Branches()

    def with_branches(self, *, guidance: bool, outline: bool) -> Conditions:
        """The same with the dials of branches that do not run turned down."""
        dials = [
            replace(
                d,
                cfg_scale=d.cfg_scale if guidance else 1.0,
                outline=d.outline if outline else 0.0,
            )
            for d in self.dials
        ]
        return replace(self, dials=dials)


def distinct(items: Sequence[K]) -> tuple[list[K], list[int]]:
    """The different items in order of appearance, and for each item the number of its kind."""
    kinds = {item: number for number, item in enumerate(dict.fromkeys(items))}
    return list(kinds), [kinds[item] for item in items]


def encode_texts(suite: Suite, texts: Sequence[str]) -> tuple[Tensor, Tensor]:
    """U texts -> embeddings (U, T, D) and pooled (U, P), as SDXL reads them.

    Podell et al. 2023 (arXiv:2307.01952), section 2.1: the penultimate layers of both encoders side
    by side, and the pooled output of the second.
    """
    hidden, pooled = [], None
    for tokenizer, encoder in zip(suite.tokenizers, suite.text_encoders, strict=True):
        ids = tokenizer(
            list(texts),
            padding="max_length",
            max_length=tokenizer.model_max_length,
            truncation=True,
            return_tensors="pt",
        ).input_ids
        encoded = encoder(ids.to(suite.device), output_hidden_states=True)
        hidden.append(encoded.hidden_states[-2])
        pooled = encoded[0]
    if pooled is None:
        raise ValueError("a suite has two text encoders")
    return torch.cat(hidden, -1), pooled


def lost_words(suite: Suite, text: str) -> str:
    """The end of `text` that does not fit the text encoders; empty if all of it does."""
    lost = ""
    for tokenizer in suite.tokenizers:
        ids = tokenizer(text, truncation=False, verbose=False).input_ids
        kept = tokenizer.model_max_length - 1  # the last place is the end mark's
        if len(ids) > kept + 1:
            tail = str(tokenizer.decode(ids[kept:-1], skip_special_tokens=True))
            lost = max(lost, tail.strip(), key=len)
    return lost


def unread_words(suite: Suite, text: str) -> list[str]:
    """Words in letters, and pictographs, that the text encoders hardly know; each once, in order.

    CLIP's tokenizers take any text and cut what was rare in their training into bytes, and then
    the encoders get noise. What they know of a script shows in its pieces: a word of letters that
    they know has fewer pieces than letters. Latin letters, accents included, are never counted:
    names of brands and places are rare in any language.
    """
    found = [word for word in _WORD.findall(text) if _is_foreign(word)]
    return [
        word
        for word in dict.fromkeys(found)
        if any(_pieces(tokenizer, word) >= max(2, len(word)) for tokenizer in suite.tokenizers)
    ]


def text_warnings(suite: Suite, text: str) -> list[str]:
    """What whoever wrote `text` should know of how it was read; each goes after a field's name."""
    told = []
    if lost := lost_words(suite, text):
        told.append(f"is longer than the text encoders read; these words were lost: {lost}")
    if syntax := foreign_syntax(text):
        told.append(
            "is read word for word; what other tools take for weights or commands changes the "
            f"picture in another way here: {_list(syntax)}"
        )
    if words := unread_words(suite, text):
        told.append(
            "has characters that this suite's text encoders were hardly trained on, and the "
            f"picture does not follow them: {_list(words)}"
        )
    return told


def _is_foreign(word: str) -> bool:
    """Whether it is in other letters than Latin, or a pictograph; one letter may be a unit's."""
    letters = [letter for letter in word if letter.isalpha()]
    if not letters:
        return word >= _PICTOGRAPHS
    foreign = [a for a in letters if not unicodedata.name(a, "").startswith(_LATIN)]
    return len(foreign) > 1 or [*map(unicodedata.category, foreign)] == ["Lo"]


def _pieces(tokenizer: CLIPTokenizer, word: str) -> int:
    return len(tokenizer(word, add_special_tokens=False).input_ids)


def _list(items: Sequence[str]) -> str:
    shown = ", ".join(items)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}..."


def micro_conditioning(width: int, height: int) -> Tensor:
    """SDXL's original size, crop corner and target size: nothing cropped, nothing scaled."""
    return torch.tensor([height, width, 0, 0, height, width], dtype=torch.float32)

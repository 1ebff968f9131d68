"""What a prompt holds that other tools act on and this one reads as it stands.

Text encoders read `(oak:1.3)` as brackets, a word and a number: the picture changes, and not as
whoever wrote it meant. Ordinary brackets, times and ratios are no syntax.
"""

from __future__ import annotations

import re

_WEIGHT = r"(?<=[^\d\s:])\s*:(\s*-?\d?\.\d+|-?\d)\s*"
_SYNTAX = re.compile(
    "|".join(
        (
            rf"\([^()]*{_WEIGHT}\)",  # (word:1.2)
            r"\(\([^()]+\)\)|\[\[[^\[\]]+\]\]",  # ((word)), [[word]]
            r"\([^()]+\)(\+|\d?\.\d+)",  # (word)+, (word)1.2
            r"\[[^\[\]]*:\s*\d*\.?\d+\s*\]",  # [this:that:0.5], [this:0.5], [word:1.2]
            r"\[[^\[\]|]+\|[^\[\]]+\]",  # [this|that]
            r"\{[^{}]*\|[^{}]*\}",  # {this|that}
            r"<\w+:[^<>]*>",  # <lora:name:0.8>
            r"\bembedding:[\w.-]+",
            r"(?<!\w)__[\w/-]+?__(?!\w)",  # __wildcard__
            r"\w+::-?\d[\d.]*",  # word::2
            r"(?<!\S)--(?:ar|v|niji|stylize|s|no|q|chaos|seed|style|sref|tile)\b(?: [\w:.]+)?",
            # Not in text that is in capitals anyway: COFFEE BREAK, SALT AND PEPPER.
            r"(?<![A-Z] )\b(?:BREAK|AND)\b(?! [A-Z]{2})",
        )
    )
)


def foreign_syntax(text: str) -> list[str]:
    """The pieces of `text` that other tools take for commands, each once, in order."""
    return list(dict.fromkeys(match[0].strip() for match in _SYNTAX.finditer(text)))

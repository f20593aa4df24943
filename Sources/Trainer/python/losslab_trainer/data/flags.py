"""What is odd about a usable row: told, and kept."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeGuard

from losslab_trainer.data.rows import Finding, Message, PreferenceRow, Text, plain_text

FLAGS: Mapping[str, str] = {
    "imitates-turn": "an answer goes on with a turn of its own making",
    "near-tie": "the preference is hardly one",
    "scores-reversed": "the row's own scores rank rejected above chosen",
    "unused-field": "a message's field that the chat template does not write",
    "thought-left-out": "thoughts of earlier turns, which the chat template leaves out",
    "left-out": "words that the chat template does not write, which was accepted",
    "odd-roles": "roles that do not alternate, or that are not system, user, assistant or tool",
    "several-turns": "an answer of more than one message",
    "control-characters": "control or replacement characters",
    "split-word": "the common beginning ends inside a word",
    "contradiction": "an earlier row prefers the other way round",
    "shared-prompt": "the prompt is also in a set this one was compared with",
    "truncated": "cut at the maximum length",
    "token-merge": "tokens merge where prompt and answer meet, so the prompt's end is trained on with the answer",
    "unknown-token": "text that the tokenizer has no token for, so that all of it reads alike",
    "special-token": "text that the tokenizer takes for one of its special tokens",
}

# Beginnings of turns, as prompts and templates write them.
IMITATED = re.compile(
    r"\n\s*(Human|Assistant|User|### ?(Instruction|Response|Human|Assistant)):"
    r"|<\|(im_start|im_end|user|assistant|system|start_header_id|eot_id|endoftext)\|>|\[/?INST\]|<(start|end)_of_turn>"
)
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffd]")
ROLES = frozenset({"system", "developer", "user", "assistant", "tool"})
STRENGTHS = frozenset(  # columns that say how strong a preference is
    {"p_chosen", "score_chosen", "score_rejected", "score-chosen", "score-rejected"}
    | {"chosen_rating", "rejected_rating", "chosen-rating", "rejected-rating"}
)
NEAR_TIE = 0.05  # distance from one half


def flags(row: PreferenceRow, raw: Mapping[str, Any]) -> Iterator[Finding]:
    """What is odd about one row in itself."""
    sides = (("chosen", row.chosen), ("rejected", row.rejected))
    for name, side in sides:
        found = IMITATED.search("\n" + plain_text(side)) or _rest_of_turn(side)
        if found:
            yield Finding(row.row, "imitates-turn", f"{name} contains {found.group().strip()!r}")
        if not isinstance(side, str) and len(side) > 1:
            yield Finding(row.row, "several-turns", f"{name} has {len(side)} messages")
    for name, text in (("prompt", row.prompt), *sides):
        control = CONTROL.search(plain_text(text))
        if control:
            yield Finding(row.row, "control-characters", f"{name} contains U+{ord(control.group()):04X}")
    odd = _odd_roles(row)
    if odd:
        yield Finding(row.row, "odd-roles", odd)
    yield from _weak(row.row, raw)


def _rest_of_turn(side: Text) -> re.Match[str] | None:
    """A raw dialogue's marker inside an answer that was written as text."""
    return re.search(r"\n\n(Human|Assistant):", plain_text(side))


def _odd_roles(row: PreferenceRow) -> str | None:
    messages: list[Message] = [message for message in row.prompt if not isinstance(message, str)]
    if not messages:
        return None
    answers = [m for side in (row.chosen, row.rejected) for m in side if not isinstance(m, str)]
    strange = [message.role for message in (*messages, *answers) if message.role not in ROLES]
    if strange:
        return f"role {strange[0]!r}"
    if any(message.role in {"system", "developer"} for message in messages[1:]):
        return "a system message after the first"
    for one, other in pairwise(messages):
        if one.role == other.role and one.role != "tool":
            return f"two turns of the {one.role} in a row"
    if messages[-1].role not in {"user", "tool"}:
        return f"the prompt ends with a turn of the {messages[-1].role}"
    first = [side[0] for side in (row.chosen, row.rejected) if not isinstance(side[0], str)]
    return next((f"an answer begins with a turn of the {m.role}" for m in first if m.role != "assistant"), None)


def _weak(number: int, raw: Mapping[str, Any]) -> Iterator[Finding]:
    """Preferences that are near ties, by whatever strength the row gives itself."""
    probability = raw.get("p_chosen")
    if _is_number(probability) and abs(probability - 0.5) < NEAR_TIE:
        yield Finding(number, "near-tie", f"p_chosen is {probability:.3f}")
    preference = raw.get("preference")
    if _is_number(preference) and "output_1" in raw and abs(preference - 1.5) < NEAR_TIE:
        yield Finding(number, "near-tie", f"preference is {preference:.3f}, from 1 to 2")
    for one, other in (("score_chosen", "score_rejected"), ("chosen_rating", "rejected_rating")):
        chosen, rejected = (
            raw.get(one, raw.get(one.replace("_", "-"))),
            raw.get(other, raw.get(other.replace("_", "-"))),
        )
        if _is_number(chosen) and _is_number(rejected) and chosen <= rejected:
            word = "near-tie" if chosen == rejected else "scores-reversed"
            yield Finding(number, word, f"{one} is {chosen:g} and {other} {rejected:g}")


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and not math.isnan(value)


def identity(row: PreferenceRow, *, swapped: bool = False) -> object:
    """What makes two rows the same pair: the words, and what the template is given besides; sides ``swapped``."""
    sides = (row.rejected, row.chosen) if swapped else (row.chosen, row.rejected)
    return row.prompt, sides, json.dumps(row.template_arguments, sort_keys=True, default=str)


def contradictions(rows: Sequence[PreferenceRow]) -> Iterator[Finding]:
    """Rows whose sides an earlier row has the other way round."""
    seen: dict[object, int] = {}
    for row in rows:
        other = seen.get(identity(row, swapped=True))
        if other is not None:
            yield Finding(row.row, "contradiction", f"row {other} prefers the other way round")
        seen.setdefault(identity(row), row.row)


def split_word(row: PreferenceRow) -> Finding | None:
    """Whether the common beginning of plain texts ends inside a word, which is then cut in two."""
    prompt, chosen, rejected = row.prompt, row.chosen, row.rejected
    if not (isinstance(prompt, str) and isinstance(chosen, str) and isinstance(rejected, str)):
        return None
    if prompt[-1:].isalnum() and (chosen[:1].isalnum() or rejected[:1].isalnum()):
        return Finding(row.row, "split-word", f"the common beginning ends in {prompt[-20:]!r}")
    return None

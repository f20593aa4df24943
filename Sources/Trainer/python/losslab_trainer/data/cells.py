"""What the readers of all layouts share: cells of a row as text or messages, and two dialogues with one beginning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from losslab_trainer.data.dialogues import Malformed, is_messages, is_unreadable, messages_of
from losslab_trainer.data.rows import Message, Text
from losslab_trainer.data.sources import is_nothing

Row = Mapping[str, Any]
Sides = tuple[Text, Text, Text]  # prompt, chosen, rejected
FOREIGN = frozenset({"user", "system", "developer", "tool"})  # roles whose words are no answer of the policy's


class Unusable(Exception):
    """A row that is no pair: one of rows.UNUSABLE, and what exactly."""

    def __init__(self, reason: str, explanation: str) -> None:
        super().__init__(reason, explanation)
        self.reason = reason
        self.explanation = explanation


def text_of(row: Row, column: str) -> str:
    """A cell of text; empty for none. Raises Malformed for anything else, messages written as text included."""
    value = row.get(column)
    if is_nothing(value):
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{column} is {type(value).__name__} where the layout has text")
    if is_unreadable(value) or is_messages(value):
        raise Malformed(f"{column} is a list of messages where the layout has text")
    return value


def messages(row: Row, column: str) -> tuple[Message, ...]:
    """A cell of messages; none for an empty one. Raises Malformed."""
    value = row.get(column)
    if is_nothing(value):
        return ()
    try:
        return messages_of(value)
    except Malformed as error:
        raise type(error)(f"{column}: {error}") from None


def answer(text: str) -> tuple[Message, ...]:
    return (Message("assistant", text),)


def split(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> Sides:
    """TRL's rule for dialogues: the common first turns are the prompt. What follows must be answers."""
    sides = (("chosen", chosen), ("rejected", rejected))
    for name, side in sides:
        if not side:
            raise Unusable("empty", f"{name} has no messages")
        if side[-1].role in FOREIGN:
            raise Unusable("empty", f"{name} has no answer: its last turn is the {side[-1].role}'s")
    if chosen == rejected:
        raise Unusable("identical", "chosen and rejected are the same")
    end = common(chosen, rejected)
    if not end:
        alone = next((name for name, side in sides if len(side) == 1), None)
        what = (
            "chosen and rejected begin with different turns"
            if alone is None
            else f"{alone} is one turn, without a prompt"
        )
        raise Unusable("prompt-mismatch", what)
    for name, rest in (("chosen", chosen[end:]), ("rejected", rejected[end:])):
        asked = next((i for i, message in enumerate(rest) if message.role in {"user", "system"}), None)
        if asked is not None:
            where = f"{name} has another {rest[asked].role} turn ({end + asked + 1} of {end + len(rest)})"
            raise Unusable("prompt-mismatch", f"the dialogues part before the last answer: {where}")
    return chosen[:end], chosen[end:], rejected[end:]


def common(one: Text, other: Text) -> int:
    """Length of the common beginning; one less where one side is the other's beginning, so that both keep an answer."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), max(0, shorter - 1))


def check_prompt_column(row: Row, prompt: Text) -> None:
    """Raises Unusable where the column prompt has words that are no turn of the dialogues."""
    text = row.get("prompt")
    said = {message.content.strip() for message in prompt if not isinstance(message, str)}
    if isinstance(text, str) and text.strip() and text.strip() not in said:
        raise Unusable("prompt-mismatch", "the column prompt is no turn of the dialogues in chosen and rejected")

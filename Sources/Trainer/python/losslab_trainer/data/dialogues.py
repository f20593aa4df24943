"""Dialogues in the forms that people write them: lists of messages, the same as JSON text, and Anthropic's raw text."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from losslab_trainer.data.rows import Message, Text

TURN = re.compile(r"\n\n(Human|Assistant):")
HH_ROLES: Mapping[str, str] = {"Human": "user", "Assistant": "assistant"}
# The other common spelling of messages: {"from": "human", "value": "..."}.
FROM_ROLES: Mapping[str, str] = {"human": "user", "gpt": "assistant"}


class Malformed(Exception):
    """A value that is not what its column holds; the text says why."""


def is_messages(value: Any) -> bool:
    """Whether a value is a list of messages, or one message."""
    value = unpacked(value)
    if isinstance(value, Mapping):
        value = [value]
    return (
        isinstance(value, Sequence)
        and not isinstance(value, str)
        and len(value) > 0
        and all(isinstance(part, Mapping) and ("role" in part or "from" in part) for part in value)
    )


def unpacked(value: Any) -> Any:
    """Messages out of a cell of text, as tables without nested columns keep them; any other value as it is."""
    if not isinstance(value, str) or not re.match(r"\s*\[\s*\{", value):
        return value
    for parse in (json.loads, ast.literal_eval):
        try:
            parsed = parse(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        return parsed if isinstance(parsed, list) else value
    return value


def messages_of(value: Any) -> tuple[Message, ...]:
    """The messages of a value. Raises Malformed."""
    value = unpacked(value)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Malformed("text where the layout has messages" if isinstance(value, str) else "no list of messages")
    return tuple(_message(part) for part in value)


def _message(part: Any) -> Message:
    if not isinstance(part, Mapping):
        raise Malformed("a message that is no object")
    if part.get("tool_calls"):
        raise Malformed("a message with tool calls, which are not carried over")
    if isinstance(part.get("from"), str) and "role" not in part:
        return Message(FROM_ROLES.get(part["from"], part["from"]), _content(part.get("value")))
    role = part.get("role")
    if not isinstance(role, str) or not role:
        raise Malformed("a message without a role")
    return Message(role, _content(part.get("content")))


def _content(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    # Content in parts, as for models that see pictures.
    if isinstance(value, Sequence) and all(isinstance(part, Mapping) for part in value):
        for part in value:
            if part.get("type") != "text" or not isinstance(part.get("text"), str):
                raise Malformed(f"a message part of type {part.get('type')!r}; only text is read")
        return "".join(part["text"] for part in value)
    raise Malformed("a message whose content is no text")


def is_hh(value: Any) -> bool:
    """Whether text is a raw dialogue of Anthropic's HH sets."""
    return isinstance(value, str) and re.match(r"\s*(Human|Assistant):", value) is not None and bool(TURN.search(value))


def hh_messages(text: Text | Any) -> tuple[Message, ...]:
    """The turns of a raw dialogue. Raises Malformed when they do not alternate."""
    if not isinstance(text, str):
        raise Malformed("no text where the layout has a raw dialogue")
    parts = TURN.split(text if text.startswith("\n\n") else "\n\n" + text.lstrip())
    if parts[0].strip():
        raise Malformed(f"text before the first turn: {parts[0].strip()[:40]!r}")
    if len(parts) == 1:
        raise Malformed("no turn that begins with `Human:` or `Assistant:`")
    return tuple(Message(HH_ROLES[who], said.strip()) for who, said in zip(parts[1::2], parts[2::2], strict=True))


def repeated_role(messages: Sequence[Message]) -> str | None:
    """The role that has two turns in a row."""
    return next((one.role for one, other in pairwise(messages) if one.role == other.role), None)

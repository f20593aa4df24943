"""Dialogues in the forms that people write them: lists of messages, the same as text, and Anthropic's raw text."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from losslab_trainer.data.rows import Message, Text
from losslab_trainer.data.soundness import json_of
from losslab_trainer.data.sources import is_nothing

TURN = re.compile(r"\n\n(Human|Assistant):")
HH_ROLES: Mapping[str, str] = {"Human": "user", "Assistant": "assistant"}
# Other names of the roles: ShareGPT's, LLaMA-Factory's and OpenAI's first ones for tools.
ROLE_NAMES: Mapping[str, str] = {
    "human": "user",
    "gpt": "assistant",
    "function_call": "assistant",
    "observation": "tool",
    "function": "tool",
}
READ = frozenset({"role", "content", "from", "value"})  # every other field of a message goes to the chat template
MEDIA = frozenset({"image", "images", "audio", "audios", "video", "videos"})

LIST = re.compile(r"\s*(array\()?\[\s*\{")
MESSAGES = re.compile(r"\s*(array\()?\[\s*\{\s*['\"](role|content|from|value)['\"]\s*:")
# What numpy and pandas print between and around objects; text in quotes is passed over.
PRINTED = re.compile(r"('(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")|(\}\s+(?=\{))|(\barray\((?=\[))|(,\s*dtype=object\))")


class Malformed(Exception):
    """A value that is not what its column holds; the text says why."""


class NotText(Malformed):
    """A value with pictures, sound or film."""


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


def is_unreadable(value: Any) -> bool:
    """Whether text was a list of messages once and cannot be read back as one."""
    return isinstance(value, str) and MESSAGES.match(value) is not None and not is_messages(value)


def unpacked(value: Any) -> Any:
    """Messages out of a cell of text, as tables without nested columns keep them; any other value as it is."""
    if not isinstance(value, str) or not LIST.match(value):
        return value
    for parse in (json_of, ast.literal_eval, _printed):
        try:
            parsed = parse(value)
        except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
            continue
        return parsed if isinstance(parsed, list) else value
    return value


def _printed(text: str) -> Any:
    """An array of objects as numpy and pandas print it: no commas between them."""
    return ast.literal_eval(PRINTED.sub(lambda found: found[1] or ("}, " if found[2] else ""), text.strip()))


def first_role(value: Any) -> str:
    """The role of a list's first message; empty where it has none."""
    value = unpacked(value)
    first = value if isinstance(value, Mapping) else value[0]
    return _role(first) or ""


def messages_of(value: Any) -> tuple[Message, ...]:
    """The messages of a value. Raises Malformed."""
    if is_unreadable(value):
        raise Malformed("messages as they were printed, which cannot be read back; save them as JSON lines or Parquet")
    value = unpacked(value)
    if isinstance(value, Mapping):
        value = [value]
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise Malformed("text where the layout has messages" if isinstance(value, str) else "no list of messages")
    return tuple(_message(part) for part in value)


def _message(part: Any) -> Message:
    if not isinstance(part, Mapping):
        raise Malformed("a message that is no object")
    role = _role(part)
    if not role:
        raise Malformed("a message without a role")
    fields = {name: value for name, value in part.items() if name not in READ and not is_nothing(value)}
    media = next((name for name in fields if name in MEDIA), None)
    if media is not None:
        raise NotText(f"a message with {media}; only text is read")
    content = _said(part)
    if part.get("from") == "function_call":
        content, fields["tool_calls"] = "", [content]
    if "function_call" in fields:
        if "tool_calls" in fields:
            raise Malformed("a message with function_call and tool_calls")
        fields["tool_calls"] = [fields.pop("function_call")]
    if "tool_calls" in fields:
        fields["tool_calls"] = _calls(fields["tool_calls"])
    if not fields and "content" not in part and "value" not in part:
        raise Malformed("a message without content")
    return Message(role, content, json.dumps(fields, ensure_ascii=False, default=str) if fields else "")


def _role(part: Mapping[str, Any]) -> str | None:
    given = (part.get("role"), part.get("from"))
    roles = {ROLE_NAMES.get(role, role) for role in given if isinstance(role, str) and role}
    if len(roles) > 1:
        raise Malformed("a message whose role and from differ")
    return next(iter(roles), None)


def _said(part: Mapping[str, Any]) -> str:
    given = [part[name] for name in ("content", "value") if part.get(name) is not None]
    if len(given) > 1 and given[0] != given[1]:
        raise Malformed("a message whose content and value differ")
    return _content(given[0] if given else None)


def _calls(value: Any) -> list[dict[str, Any]]:
    """Tool calls as chat templates expect them: `{"type": "function", "function": {"name", "arguments"}}`.

    Arguments written as JSON text become the object that they are; a template would write the text in quotes.
    """
    calls = _json(value) if isinstance(value, str) else value
    if isinstance(calls, Mapping):
        calls = [calls]
    if not isinstance(calls, Sequence) or isinstance(calls, str):
        raise Malformed("tool calls that are no list")
    found = []
    for part in calls:
        call = _json(part) if isinstance(part, str) else part
        function = call.get("function", call) if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise Malformed("a tool call without a function's name")
        arguments = function.get("arguments")
        arguments = _json(arguments) if isinstance(arguments, str) and arguments.strip() else arguments
        around = {name: value for name, value in call.items() if name != "function"} if function is not call else {}
        found.append({"type": "function", **around, "function": {**function, "arguments": arguments or {}}})
    return found


def _json(text: str) -> Any:
    """A value written as JSON text; text that is none stays text."""
    try:
        return json_of(text)
    except ValueError:
        return text


def _content(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    # Content in parts, as for models that see pictures.
    if isinstance(value, Sequence) and all(isinstance(part, Mapping) for part in value):
        return "".join(_part(part) for part in value)
    raise Malformed("a message whose content is no text")


def _part(part: Mapping[str, Any]) -> str:
    kind, text = part.get("type"), part.get("text")
    if isinstance(kind, str) and any(medium in kind for medium in ("image", "audio", "video")):
        raise NotText(f"a message part of type {kind!r}; only text is read")
    others = [name for name, value in part.items() if name not in {"type", "text"} and not is_nothing(value)]
    if kind != "text" or not isinstance(text, str) or others:
        raise Malformed(f"a message part of type {kind!r} with {', '.join(others) or 'nothing'}; only its text is read")
    return text


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

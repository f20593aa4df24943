"""Whether everything that a row says is found again in what the chat template makes of it.

Templates are programs: many leave out thoughts, drop roles that they do not know, or write no tools. What is compared
is text, less the amount of white space, as it stands or as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from losslab_trainer.data.rows import Message

THOUGHT = re.compile(r"(?:<think>|\A(?!.*?<think>))(.*?)</think>", re.DOTALL)  # templates may write the opening
THOUGHTS = frozenset({"reasoning_content", "reasoning", "thinking"})  # fields of a message
NOT_SAID = frozenset({"id", "type", "index"})  # of a tool call: they point to something
SHOWN = 60  # characters


@dataclass(frozen=True)
class Missing:
    """Something of a row that the template does not write: ``left-out``, ``thought-left-out`` or ``unused-field``."""

    reason: str
    explanation: str

    @property
    def is_serious(self) -> bool:
        """Thoughts of earlier turns are left out by intent, and fields may be for others; words are not."""
        return self.reason == "left-out"


def missing(name: str, messages: Sequence[Message], written: str, template: str) -> Iterator[Missing]:
    """What is missing of the messages of ``name`` (prompt, chosen or rejected)."""
    rest = _even(written)
    # The longest first, so that a short one is not found inside a long one.
    for message in sorted(messages, key=lambda message: len(message.content), reverse=True):
        parts = [message.content]
        if not _found(message.content, rest):
            parts = THOUGHT.sub("\0", message.content).split("\0")
            lost = [thought for thought in THOUGHT.findall(message.content) if not _found(thought, rest)]
            yield from (_thought(name, message, thought) for thought in lost)
        for part in parts:
            if not _found(part, rest):
                yield Missing("left-out", f"{name}: words of the {message.role}: {_short(part)}")
                break
            rest = _without(part, rest)
        for field, value in message.more.items():
            gone = next((text for text in _texts(value) if not _found(text, rest)), None)
            if field in THOUGHTS or field == "tool_calls":
                if gone is not None and field in THOUGHTS:
                    yield _thought(name, message, gone)
                elif gone is not None:
                    yield Missing("left-out", f"{name}: of a tool call of the {message.role}: {_short(gone)}")
            elif gone is not None or field not in template:
                yield Missing("unused-field", f"the field {field} of messages")


def missing_tools(arguments: Mapping[str, Any], written: str) -> Iterator[Missing]:
    """Which of the tools' functions the prompt does not name."""
    rest = _even(written)
    for tool in arguments.get("tools") or ():
        function = tool.get("function", tool)
        name = function.get("name") if isinstance(function, Mapping) else None
        if isinstance(name, str) and not _found(name, rest):
            yield Missing("left-out", f"the tool {name}")


def _thought(name: str, message: Message, thought: str) -> Missing:
    """What an earlier turn thought is left out by intent; what is trained on is not."""
    reason = "thought-left-out" if name == "prompt" else "left-out"
    return Missing(reason, f"{name}: a thought of the {message.role}: {_short(thought)}")


def _texts(value: Any) -> Iterator[str]:
    """All texts and numbers in a field, as text."""
    if isinstance(value, Mapping):
        for name, part in value.items():
            if name not in NOT_SAID:
                yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield json.dumps(value)


def _spellings(text: str) -> tuple[str, str]:
    return _even(text), _even(json.dumps(text, ensure_ascii=False)[1:-1])


def _found(text: str, rest: str) -> bool:
    return any(spelling in rest for spelling in _spellings(text))


def _without(text: str, rest: str) -> str:
    """What is left to search in once this text was found."""
    spelling = next(spelling for spelling in _spellings(text) if spelling in rest)
    return rest.replace(spelling, "\0", 1) if spelling else rest


def _even(text: str) -> str:
    return " ".join(text.split())


def _short(text: str) -> str:
    line = _even(text)
    return repr(line if len(line) <= SHOWN else line[:SHOWN] + "…")

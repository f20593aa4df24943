"""One preference pair, whatever layout it came in, and what was found about a row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One turn of a dialogue."""

    role: str
    content: str
    fields: str = ""  # what else the chat template gets, such as tool calls or a thought: JSON, so that turns compare

    def __repr__(self) -> str:
        """Without fields as when there were none: the hash that decides which prompts are held out is taken of it."""
        more = f", fields={self.fields!r}" if self.fields else ""
        return f"Message(role={self.role!r}, content={self.content!r}{more})"

    def to_json(self) -> dict[str, Any]:
        """As files and chat templates have it."""
        return {"role": self.role, "content": self.content, **self.more}

    @property
    def more(self) -> dict[str, Any]:
        fields: dict[str, Any] = json.loads(self.fields) if self.fields else {}
        return fields

    @property
    def is_empty(self) -> bool:
        """Whether it says and calls nothing."""
        return not self.content.strip() and not self.fields


Text = str | tuple[Message, ...]  # plain text, or the messages of a dialogue


@dataclass(frozen=True)
class PreferenceRow:
    """One usable pair. Prompt and answers are all plain text, or all messages."""

    row: int  # number in the source, from 0
    prompt: Text
    chosen: Text
    rejected: Text
    template_arguments: Mapping[str, Any] = field(default_factory=dict)  # tools and the like, as TRL passes them on

    @property
    def conversational(self) -> bool:
        return not isinstance(self.prompt, str)


# Why a row is not used.
UNUSABLE: Mapping[str, str] = {
    "empty": "the prompt or an answer has no text",
    "identical": "chosen and rejected are the same, as text, as the template writes them, or after the cut",
    "prompt-mismatch": "chosen and rejected do not answer the same prompt",
    "not-a-preference": "neither side is preferred: a tie, or no judgment, or one side is missing",
    "foreign-turn": "an answer contains a turn of the user, the system or a tool, whose words would be trained on",
    "not-text": "the row has pictures, sound or film, and only text is trained on",
    "malformed": "the row cannot be read",
    "left-out": "the chat template does not write everything that the row says",
    "too-long": "the prompt alone fills the maximum length",
    "duplicate": "an earlier row has the same prompt, chosen and rejected",
}


@dataclass(frozen=True)
class Finding:
    """What was found about one row: a short word that stays the same, and what exactly."""

    row: int
    reason: str
    explanation: str

    def to_json(self) -> dict[str, object]:
        return {"row": self.row, "reason": self.reason, "explanation": self.explanation}


def plain_text(text: Text) -> str:
    """All words of a prompt or an answer, without roles; what a turn without words calls or thinks, as JSON."""
    if isinstance(text, str):
        return text
    return "\n\n".join(message.content or message.fields for message in text)

"""One preference pair, whatever layout it came in, and what was found about a row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Message(NamedTuple):
    """One turn of a dialogue."""

    role: str
    content: str


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
    "identical": "chosen and rejected are the same",
    "prompt-mismatch": "chosen and rejected do not answer the same prompt",
    "not-a-preference": "neither side is preferred: a tie, or no judgment, or one side is missing",
    "malformed": "the row cannot be read",
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
    """All words of a prompt or an answer, without roles."""
    return text if isinstance(text, str) else "\n\n".join(message.content for message in text)

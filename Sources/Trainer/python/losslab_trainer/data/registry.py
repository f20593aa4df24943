"""All layouts that are read: what each is, which columns it takes, and what tells that a source has it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from losslab_trainer.data import readers
from losslab_trainer.data.cells import Row, Sides

SIDES = ("chosen", "rejected")
SYSTEM_LIKE = ("system", "system_prompt", "system_message")
TEMPLATE_COLUMNS = ("tools", "chat_template_kwargs")  # that TRL hands on to the chat template, too


@dataclass(frozen=True)
class Layout:
    """``kinds`` are those of prompt and answers (layouts.kind) by which it is known; None is no column of a prompt."""

    description: str
    read: Callable[[Row], Sides]
    kinds: tuple[tuple[str | None, str], ...] = ()
    columns: tuple[str, ...] = ("prompt", *SIDES)
    conversational: bool = True

    @property
    def all_columns(self) -> frozenset[str]:
        """Those that dialogues take besides, too."""
        return frozenset(self.columns + (SYSTEM_LIKE + TEMPLATE_COLUMNS if self.conversational else ()))


LAYOUTS: Mapping[str, Layout] = {
    "explicit-conversational": Layout(
        "prompt, chosen and rejected are messages; the answers without the prompt",
        readers.explicit_conversational,
        (("dialogues", "answers"), ("answers", "answers")),
    ),
    "explicit-plain": Layout(
        "prompt, chosen and rejected are text, tokenised as it stands",
        readers.explicit_plain,
        (("text", "text"),),
        conversational=False,
    ),
    "implicit-conversational": Layout(
        "chosen and rejected are whole dialogues; the prompt is their common beginning",
        readers.implicit_conversational,
        ((None, "dialogues"),),
        SIDES,
    ),
    "implicit-plain": Layout(
        "chosen and rejected are text; the prompt is their common beginning",
        readers.implicit_plain,
        ((None, "text"),),
        SIDES,
        conversational=False,
    ),
    "text-as-turns": Layout(
        "prompt, chosen and rejected are text that becomes a user's and an assistant's turn", readers.text_as_turns
    ),
    "text-prompt": Layout(
        "prompt is text that becomes a user's turn; chosen and rejected are messages without it",
        readers.text_prompt,
        (("text", "answers"),),
    ),
    "message-prompt": Layout(
        "prompt is messages; chosen and rejected are text that becomes an assistant's turn",
        readers.message_prompt,
        (("dialogues", "text"), ("answers", "text")),
    ),
    "repeated-prompt": Layout(
        "prompt is messages, and chosen and rejected begin with them again",
        readers.repeated_prompt,
        (("dialogues", "dialogues"),),
    ),
    "ultrafeedback": Layout(
        "prompt is text; chosen and rejected are whole dialogues that contain it",
        readers.ultrafeedback,
        (("text", "dialogues"),),
    ),
    "anthropic-hh": Layout(
        "raw dialogues with the turns `Human:` and `Assistant:`",
        readers.anthropic_hh,
        (
            (None, "raw dialogues"),
            ("raw dialogues", "text"),
            ("raw dialogues", "raw dialogues"),
            ("text", "raw dialogues"),
        ),
    ),
    "alpaca": Layout(
        "instruction (or prompt) with input becomes a user's turn after the turns of history; chosen and rejected are "
        "text that becomes an assistant's turn",
        readers.alpaca,
        columns=("instruction", "prompt", "input", "history", *SIDES),
    ),
    "alpaca-eval": Layout(
        "instruction, output_1, output_2 and preference, from 1 to 2",
        readers.alpaca_eval,
        columns=("instruction", "input", "history", "output_1", "output_2", "preference"),
    ),
}
BY_KINDS: Mapping[tuple[str | None, str], str] = {
    kinds: name for name, layout in LAYOUTS.items() for kinds in layout.kinds
}

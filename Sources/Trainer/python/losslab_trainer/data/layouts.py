"""Which layout a source has, by its columns and what is in them. What could be read in two ways is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from losslab_trainer.data.dialogues import is_hh, is_messages, messages_of, unpacked
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.sources import Broken, RawRow, Source

LAYOUTS: Mapping[str, str] = {
    "explicit-conversational": "prompt, chosen and rejected are messages; the answers without the prompt",
    "explicit-plain": "prompt, chosen and rejected are text, tokenised as it stands",
    "implicit-conversational": "chosen and rejected are whole dialogues; the prompt is their common beginning",
    "implicit-plain": "chosen and rejected are text; the prompt is their common beginning",
    "text-as-turns": "prompt, chosen and rejected are text that becomes a user's and an assistant's turn",
    "text-prompt": "prompt is text that becomes a user's turn; chosen and rejected are messages without it",
    "message-prompt": "prompt is messages; chosen and rejected are text that becomes an assistant's turn",
    "repeated-prompt": "prompt is messages, and chosen and rejected begin with them again",
    "ultrafeedback": "prompt is text; chosen and rejected are whole dialogues that contain it",
    "anthropic-hh": "raw dialogues with the turns `Human:` and `Assistant:`",
    "alpaca-eval": "instruction, output_1, output_2 and preference, from 1 to 2",
}

SIDES = ("chosen", "rejected")
ANNOTATION = ("instruction", "output_1", "output_2", "preference")
# Columns that are a prompt under another name, or a system message, in sets that people use.
PROMPT_LIKE = ("instruction", "question", "query", "input", "context", "post", "user", "user_prompt", "problem")
SYSTEM_LIKE = ("system", "system_prompt", "system_message")
AGREEMENT = 0.9  # share of the rows that must look alike; others are single bad rows


def layout_of(source: Source, chosen: str | None, *, implicit: bool) -> str:
    """The name of the source's layout.

    ``chosen`` is what the user named, ``implicit`` whether a prompt column was ruled out. Raises DataProblem with the
    choices.
    """
    if chosen is not None:
        if chosen not in LAYOUTS:
            raise DataProblem(f"no layout {chosen!r}; there are {', '.join(LAYOUTS)}")
        return chosen
    if all(column in source.columns for column in SIDES):
        return _of_sides(source, implicit=implicit)
    if all(column in source.columns for column in ANNOTATION):
        return "alpaca-eval"
    raise DataProblem(_unknown(source))


def _of_sides(source: Source, *, implicit: bool) -> str:
    prompt = None if implicit or "prompt" not in source.columns else _kind_of(source, "prompt")
    kinds = {_kind_of(source, side) for side in SIDES} - {None}
    if len(kinds) > 1:
        raise DataProblem(
            f"{source.name}: chosen holds {_kind_of(source, 'chosen')} and rejected {_kind_of(source, 'rejected')}; "
            "both sides must be of one kind"
        )
    side = next(iter(kinds), None)
    if side is None:
        raise DataProblem(f"{source.name}: no row has an answer that can be read in the columns chosen and rejected")
    if prompt is None and not implicit:
        _ask_for_prompt(source, side)
    if prompt == "text" and side == "text":
        _ask_for_system(source)
    layout = BY_KINDS.get((prompt, side))
    if layout is None:
        raise DataProblem(
            f"{source.name}: no layout has {prompt or 'no prompt'} as the prompt and {side} as the answers; "
            f"choose with --layout: {', '.join(LAYOUTS)}"
        )
    return layout


BY_KINDS: Mapping[tuple[str | None, str], str] = {
    (None, "raw dialogues"): "anthropic-hh",
    ("raw dialogues", "text"): "anthropic-hh",
    ("raw dialogues", "raw dialogues"): "anthropic-hh",
    ("text", "raw dialogues"): "anthropic-hh",
    (None, "text"): "implicit-plain",
    (None, "dialogues"): "implicit-conversational",
    ("text", "text"): "explicit-plain",
    ("text", "dialogues"): "ultrafeedback",
    ("text", "answers"): "text-prompt",
    ("dialogues", "answers"): "explicit-conversational",
    ("answers", "answers"): "explicit-conversational",
    ("dialogues", "dialogues"): "repeated-prompt",
    ("dialogues", "text"): "message-prompt",
    ("answers", "text"): "message-prompt",
}


def kind(value: Any) -> str | None:
    """What a cell holds; None for nothing."""
    if value is None or value in ("", []):
        return None
    if is_hh(value):
        return "raw dialogues"
    if is_messages(value):
        first = unpacked(value)
        role = messages_of(first[:1] if isinstance(first, list) else [first])[0].role if first else ""
        return "answers" if role == "assistant" else "dialogues"
    return "text" if isinstance(value, str) else "neither text nor messages"


def _kind_of(source: Source, column: str) -> str | None:
    """What nearly all cells of a column hold. Raises DataProblem when they are of two kinds."""
    kinds = Counter(_safe_kind(row, column) for row in source.rows if not isinstance(row, Broken))
    del kinds[None]
    if not kinds:
        return None
    (most, count), *others = kinds.most_common()
    if count < AGREEMENT * kinds.total():
        found = ", ".join(f"{name} in {n}" for name, n in [(most, count), *others])
        raise DataProblem(
            f"{source.name}: the rows are not of one kind: column {column} holds {found} rows; "
            "split the file, or choose with --layout which rows are meant"
        )
    return most


def _safe_kind(row: RawRow, column: str) -> str | None:
    try:
        return None if isinstance(row, Broken) else kind(row.get(column))
    except Exception:  # any single cell; its row is reported when it is read
        return "neither text nor messages"


def _filled(source: Source, names: Sequence[str]) -> list[str]:
    """Those columns that hold text in some row."""
    found = [name for name in names if name in source.columns]
    return [name for name in found if any(isinstance(row, Mapping) and row.get(name) for row in source.rows)]


def _ask_for_prompt(source: Source, side: str) -> None:
    if side == "answers":
        raise DataProblem(
            f"{source.name}: chosen and rejected are answers without a prompt, and there is no column prompt; "
            f"name it with --map prompt=COLUMN. Columns: {', '.join(source.columns)}"
        )
    if side != "text":
        return
    candidates = _filled(source, PROMPT_LIKE)
    if candidates:
        choices = " or ".join(f"--map prompt={name}" for name in candidates)
        raise DataProblem(
            f"{source.name}: no column prompt, and the prompt may be the column {' or '.join(candidates)} or the "
            f"common beginning of chosen and rejected; choose with {choices} or --layout implicit-plain"
        )


def _ask_for_system(source: Source) -> None:
    candidates = _filled(source, SYSTEM_LIKE)
    if candidates:
        raise DataProblem(
            f"{source.name}: plain text with system messages in the column {candidates[0]}; choose with "
            f"--layout text-as-turns (a dialogue with that system message) or --layout explicit-plain (without it)"
        )


def _unknown(source: Source) -> str:
    columns = ", ".join(source.columns) or "none"
    if {"completion", "label"} <= set(source.columns):
        return (
            f"{source.name}: unpaired answers (completion, label), as for KTO; "
            "a preference needs chosen and rejected for one prompt"
        )
    return (
        f"{source.name}: the columns are {columns}; pairs need chosen and rejected, or instruction, output_1, output_2 "
        "and preference. Name them with --map, such as --map prompt=question --map chosen=good --map rejected=bad"
    )

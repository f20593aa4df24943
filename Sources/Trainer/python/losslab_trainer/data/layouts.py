"""Which layout a source has, by its columns and what is in them. What could be read in two ways is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from losslab_trainer.data.dialogues import first_role, is_hh, is_messages, is_unreadable
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.registry import BY_KINDS, LAYOUTS, SIDES, SYSTEM_LIKE
from losslab_trainer.data.sources import Broken, RawRow, Source, is_nothing

ANNOTATION = ("instruction", "output_1", "output_2", "preference")
# Columns that are a prompt under another name, or a part of one, in sets that people use.
PROMPT_LIKE = ("instruction", "question", "query", "input", "context", "post", "user", "user_prompt", "problem")
BESIDE_PROMPT = ("input", "history")
AGREEMENT = 0.9  # share of the rows that must look alike; others are single bad rows
UNREADABLE = "messages as they were printed"


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
    columned = not implicit and "prompt" in source.columns
    prompt = _kind_of(source, "prompt") if columned else None
    kinds = {_kind_of(source, side) for side in SIDES} - {None}
    for column, found in (("prompt", prompt), *((side, _kind_of(source, side)) for side in SIDES)):
        if found == UNREADABLE:
            raise DataProblem(
                f"{source.name}: the column {column} holds messages as numpy or pandas printed them, which cannot be "
                "read back; save the data as JSON lines or Parquet"
            )
    if len(kinds) > 1:
        raise DataProblem(
            f"{source.name}: chosen holds {_kind_of(source, 'chosen')} and rejected {_kind_of(source, 'rejected')}; "
            "both sides must be of one kind"
        )
    side = next(iter(kinds), None)
    if side is None:
        raise DataProblem(f"{source.name}: no row has an answer that can be read in the columns chosen and rejected")
    if prompt is None and not implicit:
        _ask_for_prompt(source, side, empty=columned)
    if side == "text" and prompt in {None, "text"}:
        _ask_for_system(source, prompt)
    if side == "text" and prompt == "text":
        _ask_for_context(source)
    layout = BY_KINDS.get((prompt, side))
    if layout is None:
        raise DataProblem(
            f"{source.name}: no layout has {prompt or 'no prompt'} as the prompt and {side} as the answers; "
            f"choose with --layout: {', '.join(LAYOUTS)}"
        )
    return layout


def kind(value: Any) -> str | None:
    """What a cell holds; None for nothing."""
    if is_nothing(value):
        return None
    if is_hh(value):
        return "raw dialogues"
    if is_unreadable(value):
        return UNREADABLE
    if is_messages(value):
        return "answers" if first_role(value) == "assistant" else "dialogues"
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
    return [
        name for name in found if any(isinstance(row, Mapping) and not is_nothing(row.get(name)) for row in source.rows)
    ]


def _ask_for_prompt(source: Source, side: str, *, empty: bool) -> None:
    absent = "the column prompt is empty in every row" if empty else "there is no column prompt"
    if side == "answers":
        raise DataProblem(
            f"{source.name}: chosen and rejected are answers without a prompt, and {absent}; "
            f"name it with --map prompt=COLUMN. Columns: {', '.join(source.columns)}"
        )
    if side != "text":
        return
    candidates = _filled(source, PROMPT_LIKE)
    if candidates or empty:
        choices = [f"--map prompt={name}" for name in candidates]
        more = [name for name in BESIDE_PROMPT if name in _filled(source, BESIDE_PROMPT)]
        if "instruction" in candidates and more:
            choices = [
                f"--layout alpaca (instruction with {' and '.join(more)})",
                "--map prompt=instruction --map input=",
            ]
        maybe = [f"the column {' or '.join(candidates)}"] if candidates else []
        maybe.append("the common beginning of chosen and rejected")
        raise DataProblem(
            f"{source.name}: {absent}, and the prompt may be {' or '.join(maybe)}; choose with "
            f"{' or '.join([*choices, '--layout implicit-plain'])}"
        )


def _ask_for_system(source: Source, prompt: str | None) -> None:
    candidates = _filled(source, SYSTEM_LIKE)
    if candidates:
        turns = "--layout text-as-turns (a dialogue with that system message) or " if prompt else ""
        raise DataProblem(
            f"{source.name}: plain text with system messages in the column {candidates[0]}; choose with "
            f"{turns}--map {candidates[0]}= (without it)"
        )


def _ask_for_context(source: Source) -> None:
    candidates = _filled(source, BESIDE_PROMPT)
    if candidates:
        without = " ".join(f"--map {name}=" for name in candidates)
        raise DataProblem(
            f"{source.name}: a column prompt, and more of it may be in the column {' and '.join(candidates)}; choose "
            f"with --layout alpaca (a dialogue with all of them) or {without} (without)"
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

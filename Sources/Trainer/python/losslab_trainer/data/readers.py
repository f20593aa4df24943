"""How a row of each layout becomes prompt, chosen and rejected."""

from __future__ import annotations

import math
from typing import Any

from losslab_trainer.data.cells import (
    Row,
    Sides,
    Unusable,
    answer,
    check_prompt_column,
    common,
    messages,
    split,
    text_of,
)
from losslab_trainer.data.dialogues import Malformed, hh_messages, is_messages, messages_of, repeated_role
from losslab_trainer.data.rows import Message
from losslab_trainer.data.soundness import json_of


def explicit_plain(row: Row) -> Sides:
    return text_of(row, "prompt"), text_of(row, "chosen"), text_of(row, "rejected")


def explicit_conversational(row: Row) -> Sides:
    return messages(row, "prompt"), messages(row, "chosen"), messages(row, "rejected")


def implicit_plain(row: Row) -> Sides:
    """TRL's rule: the longest common beginning, less a space at its end."""
    chosen, rejected = text_of(row, "chosen"), text_of(row, "rejected")
    if chosen.strip() and rejected.strip() and chosen != rejected and chosen[0] != rejected[0]:
        raise Unusable("prompt-mismatch", "chosen and rejected have no common beginning that could be the prompt")
    end = common(chosen, rejected)
    if end and chosen[end - 1] == " " and chosen[end] != rejected[end]:
        end -= 1
    return chosen[:end], chosen[end:], rejected[end:]


def implicit_conversational(row: Row) -> Sides:
    return split(messages(row, "chosen"), messages(row, "rejected"))


def text_as_turns(row: Row) -> Sides:
    return (Message("user", text_of(row, "prompt")),), *_answers(row)


def text_prompt(row: Row) -> Sides:
    return (Message("user", text_of(row, "prompt")),), messages(row, "chosen"), messages(row, "rejected")


def message_prompt(row: Row) -> Sides:
    return messages(row, "prompt"), *_answers(row)


def repeated_prompt(row: Row) -> Sides:
    prompt = messages(row, "prompt")
    sides = [messages(row, "chosen"), messages(row, "rejected")]
    for name, side in zip(("chosen", "rejected"), sides, strict=True):
        if side[: len(prompt)] != prompt:
            raise Unusable("prompt-mismatch", f"{name} is a dialogue that does not begin with the column prompt")
    return prompt, sides[0][len(prompt) :], sides[1][len(prompt) :]


def ultrafeedback(row: Row) -> Sides:
    parts = split(messages(row, "chosen"), messages(row, "rejected"))
    check_prompt_column(row, parts[0])
    return parts


def alpaca(row: Row) -> Sides:
    """Alpaca's layout, with LLaMA-Factory's history of earlier questions and answers."""
    return (*_history(row.get("history")), Message("user", _instruction(row))), *_answers(row)


def _instruction(row: Row) -> str:
    instruction, prompt = text_of(row, "instruction"), text_of(row, "prompt")
    if instruction.strip() and prompt.strip() and instruction != prompt:
        raise Malformed("instruction and prompt are both there and differ")
    return "\n\n".join(part for part in (instruction or prompt, text_of(row, "input")) if part.strip())


def _history(value: Any) -> tuple[Message, ...]:
    if isinstance(value, str) and value.strip():
        try:
            value = json_of(value)
        except ValueError:
            raise Malformed("history is no list of questions and answers") from None
    if not value:
        return ()
    if is_messages(value):
        return messages_of(value)
    turns: list[Message] = []
    for turn in value if isinstance(value, list) else [None]:
        if not isinstance(turn, list) or len(turn) != 2 or not all(isinstance(text, str) for text in turn):
            raise Malformed("history is no list of questions and answers")
        turns += [Message("user", turn[0]), Message("assistant", turn[1])]
    return tuple(turns)


def anthropic_hh(row: Row) -> Sides:
    prompt, chosen, rejected = row.get("prompt"), row["chosen"], row["rejected"]
    if isinstance(prompt, str) and not str(chosen).lstrip().startswith(("Human:", "Assistant:")):
        chosen, rejected = _joined(prompt, chosen), _joined(prompt, rejected)
    dialogues = hh_messages(chosen), hh_messages(rejected)
    parts: Sides | None = None
    problem: Unusable | None = None
    # What is empty or mismatched is told as that, though its turns may not alternate either.
    for side, turns in zip(("chosen", "rejected"), dialogues, strict=True):
        if not turns[-1].content:
            raise Unusable("empty", f"{side} has no text")
    try:
        parts = split(*dialogues)
        if len(parts[1]) > 1 or len(parts[2]) > 1:
            raise Unusable("prompt-mismatch", "the dialogues part before the last answer")
    except Unusable as error:
        problem = error
    if problem is not None and problem.reason == "prompt-mismatch":
        raise problem
    for turns in dialogues:
        role = repeated_role(turns)
        if role is not None:
            raise Unusable("malformed", f"two turns of the {role} in a row")
    if parts is None:
        raise problem or Unusable("malformed", "no dialogue")
    if isinstance(prompt, str):
        check_prompt_column({"prompt": hh_messages(prompt)[-1].content if "Human:" in prompt else prompt}, parts[0])
    return parts


def _joined(prompt: str, said: Any) -> str:
    if not isinstance(said, str):
        raise Malformed("an answer that is no text")
    turn = "" if prompt.rstrip().endswith("Assistant:") else "\n\nAssistant:"
    return f"{prompt}{turn} {said.lstrip()}"


def alpaca_eval(row: Row) -> Sides:
    preference = row.get("preference")
    if isinstance(preference, str):
        try:
            preference = float(preference)
        except ValueError:
            preference = preference if str(preference).strip() else None
    if preference is None or (isinstance(preference, float) and math.isnan(preference)):
        raise Unusable("not-a-preference", "preference is null: the judge gave none")
    if isinstance(preference, bool) or not isinstance(preference, int | float):
        raise Unusable("malformed", f"preference is {preference!r}, no number")
    if preference in (0, 1.5):
        raise Unusable("not-a-preference", f"preference is {preference:g}: a tie")
    if not 1 <= preference <= 2:
        raise Unusable("not-a-preference", f"preference is {preference:g}; it goes from 1 (output_1) to 2 (output_2)")
    outputs = answer(text_of(row, "output_1")), answer(text_of(row, "output_2"))
    chosen, rejected = outputs if preference < 1.5 else outputs[::-1]
    return (*_history(row.get("history")), Message("user", _instruction({**row, "prompt": None}))), chosen, rejected


def _answers(row: Row) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    return answer(text_of(row, "chosen")), answer(text_of(row, "rejected"))

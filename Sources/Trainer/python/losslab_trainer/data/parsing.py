"""One raw row of a known layout becomes prompt, chosen and rejected, or the reason why not."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

from losslab_trainer.data.dialogues import Malformed, hh_messages, messages_of, repeated_role
from losslab_trainer.data.layouts import SYSTEM_LIKE
from losslab_trainer.data.rows import Message, PreferenceRow, Text

Row = Mapping[str, Any]
Sides = tuple[Text, Text, Text]  # prompt, chosen, rejected


class Unusable(Exception):
    """A row that is no pair: one of rows.UNUSABLE, and what exactly."""

    def __init__(self, reason: str, explanation: str) -> None:
        super().__init__(reason, explanation)
        self.reason = reason
        self.explanation = explanation


def parse(number: int, row: Row, layout: str) -> PreferenceRow:
    """Reads one row. Raises Unusable."""
    try:
        if layout != "alpaca-eval":
            _check_sides(row)
        prompt, chosen, rejected = PARSERS[layout](row)
        arguments = _template_arguments(row)
    except Malformed as error:
        raise Unusable("malformed", str(error)) from None
    for name, side in (("chosen", chosen), ("rejected", rejected), ("prompt", prompt)):
        if _is_empty(side):
            raise Unusable("empty", f"{name} has no text")
    if chosen == rejected or _stripped(chosen) == _stripped(rejected):
        raise Unusable("identical", "chosen and rejected are the same")
    return PreferenceRow(number, prompt, chosen, rejected, arguments)


def _check_sides(row: Row) -> None:
    missing = [side for side in ("chosen", "rejected") if row.get(side) is None]
    if missing:
        raise Unusable("not-a-preference", f"no {' and no '.join(missing)} answer")


def _explicit_plain(row: Row) -> Sides:
    return _text(row, "prompt"), _text(row, "chosen"), _text(row, "rejected")


def _explicit_conversational(row: Row) -> Sides:
    return _messages(row, "prompt"), _messages(row, "chosen"), _messages(row, "rejected")


def _implicit_plain(row: Row) -> Sides:
    """TRL's rule: the longest common beginning, less a space at its end."""
    chosen, rejected = _text(row, "chosen"), _text(row, "rejected")
    if chosen.strip() and rejected.strip() and chosen != rejected and chosen[0] != rejected[0]:
        raise Unusable("prompt-mismatch", "chosen and rejected have no common beginning that could be the prompt")
    end = _common(chosen, rejected)
    if end and chosen[end - 1] == " " and chosen[end] != rejected[end]:
        end -= 1
    return chosen[:end], chosen[end:], rejected[end:]


def _implicit_conversational(row: Row) -> Sides:
    return _split(_messages(row, "chosen"), _messages(row, "rejected"))


def _split(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> Sides:
    """TRL's rule for dialogues: the common first turns are the prompt. What follows must be answers."""
    if not chosen or not rejected:
        raise Unusable("empty", f"{'rejected' if chosen else 'chosen'} has no messages")
    if chosen == rejected:
        raise Unusable("identical", "chosen and rejected are the same")
    end = _common(chosen, rejected)
    if not end:
        raise Unusable("prompt-mismatch", "chosen and rejected begin with different turns")
    for name, rest in (("chosen", chosen[end:]), ("rejected", rejected[end:])):
        asked = next((i for i, message in enumerate(rest) if message.role in {"user", "system"}), None)
        if asked is not None:
            where = f"{name} has another {rest[asked].role} turn ({end + asked + 1} of {end + len(rest)})"
            raise Unusable("prompt-mismatch", f"the dialogues part before the last answer: {where}")
    return chosen[:end], chosen[end:], rejected[end:]


def _common(one: Text, other: Text) -> int:
    """Length of the common beginning; one less where one side is the other's beginning, so that both keep an answer."""
    shorter = min(len(one), len(other))
    return next((i for i in range(shorter) if one[i] != other[i]), max(0, shorter - 1))


def _text_as_turns(row: Row) -> Sides:
    system = next((row[name] for name in SYSTEM_LIKE if isinstance(row.get(name), str) and row[name].strip()), None)
    opening = (Message("system", system),) if system else ()
    prompt = (*opening, Message("user", _text(row, "prompt")))
    return prompt, _answer(_text(row, "chosen")), _answer(_text(row, "rejected"))


def _text_prompt(row: Row) -> Sides:
    return (Message("user", _text(row, "prompt")),), _messages(row, "chosen"), _messages(row, "rejected")


def _message_prompt(row: Row) -> Sides:
    return _messages(row, "prompt"), _answer(_text(row, "chosen")), _answer(_text(row, "rejected"))


def _repeated_prompt(row: Row) -> Sides:
    prompt = _messages(row, "prompt")
    sides = [_messages(row, "chosen"), _messages(row, "rejected")]
    for name, side in zip(("chosen", "rejected"), sides, strict=True):
        if side[: len(prompt)] != prompt:
            raise Unusable("prompt-mismatch", f"{name} is a dialogue that does not begin with the column prompt")
    return prompt, sides[0][len(prompt) :], sides[1][len(prompt) :]


def _ultrafeedback(row: Row) -> Sides:
    parts = _split(_messages(row, "chosen"), _messages(row, "rejected"))
    _check_prompt_column(row, parts[0])
    return parts


def _anthropic_hh(row: Row) -> Sides:
    prompt, chosen, rejected = row.get("prompt"), row["chosen"], row["rejected"]
    if isinstance(prompt, str) and not str(chosen).lstrip().startswith(("Human:", "Assistant:")):
        chosen, rejected = _joined(prompt, chosen), _joined(prompt, rejected)
    dialogues = hh_messages(chosen), hh_messages(rejected)
    parts: Sides | None = None
    problem: Unusable | None = None
    # What is empty or mismatched is told as that, though its turns may not alternate either.
    for side, messages in zip(("chosen", "rejected"), dialogues, strict=True):
        if not messages[-1].content:
            raise Unusable("empty", f"{side} has no text")
    try:
        parts = _split(*dialogues)
        if len(parts[1]) > 1 or len(parts[2]) > 1:
            raise Unusable("prompt-mismatch", "the dialogues part before the last answer")
    except Unusable as error:
        problem = error
    if problem is not None and problem.reason == "prompt-mismatch":
        raise problem
    for messages in dialogues:
        role = repeated_role(messages)
        if role is not None:
            raise Unusable("malformed", f"two turns of the {role} in a row")
    if parts is None:
        raise problem or Unusable("malformed", "no dialogue")
    if isinstance(prompt, str):
        _check_prompt_column({"prompt": hh_messages(prompt)[-1].content if "Human:" in prompt else prompt}, parts[0])
    return parts


def _joined(prompt: str, answer: Any) -> str:
    if not isinstance(answer, str):
        raise Malformed("an answer that is no text")
    turn = "" if prompt.rstrip().endswith("Assistant:") else "\n\nAssistant:"
    return f"{prompt}{turn} {answer.lstrip()}"


def _check_prompt_column(row: Row, prompt: Text) -> None:
    text = row.get("prompt")
    said = {message.content.strip() for message in prompt if not isinstance(message, str)}
    if isinstance(text, str) and text.strip() and text.strip() not in said:
        raise Unusable("prompt-mismatch", "the column prompt is no turn of the dialogues in chosen and rejected")


def _alpaca_eval(row: Row) -> Sides:
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
    outputs = _answer(_text(row, "output_1")), _answer(_text(row, "output_2"))
    chosen, rejected = outputs if preference < 1.5 else outputs[::-1]
    instruction, context = _text(row, "instruction"), row.get("input")
    if isinstance(context, str) and context.strip():
        instruction = f"{instruction}\n\n{context}"
    return (Message("user", instruction),), chosen, rejected


def _answer(text: str) -> tuple[Message, ...]:
    return (Message("assistant", text),)


def _text(row: Row, column: str) -> str:
    value = row.get(column)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Malformed(f"{column} is {type(value).__name__} where the layout has text")
    return value


def _messages(row: Row, column: str) -> tuple[Message, ...]:
    value = row.get(column)
    if value is None or value == "":
        return ()
    try:
        return messages_of(value)
    except Malformed as error:
        raise Malformed(f"{column}: {error}") from None


def _is_empty(text: Text) -> bool:
    if isinstance(text, str):
        return not text.strip()
    return not any(message.content.strip() for message in text)


def _stripped(text: Text) -> object:
    if isinstance(text, str):
        return text.strip()
    return [(message.role, message.content.strip()) for message in text]


def _template_arguments(row: Row) -> dict[str, Any]:
    """What TRL hands on to the chat template: the column tools, and those of chat_template_kwargs."""
    tools, others = row.get("tools"), row.get("chat_template_kwargs")
    if isinstance(tools, str):
        try:
            tools = json.loads(tools) if tools.strip() else None
        except ValueError:
            raise Malformed("tools is no JSON") from None
    arguments = dict(others) if isinstance(others, Mapping) else {}
    return {**({"tools": tools} if tools else {}), **arguments}


PARSERS: Mapping[str, Callable[[Row], Sides]] = {
    "explicit-plain": _explicit_plain,
    "explicit-conversational": _explicit_conversational,
    "implicit-plain": _implicit_plain,
    "implicit-conversational": _implicit_conversational,
    "text-as-turns": _text_as_turns,
    "text-prompt": _text_prompt,
    "message-prompt": _message_prompt,
    "repeated-prompt": _repeated_prompt,
    "ultrafeedback": _ultrafeedback,
    "anthropic-hh": _anthropic_hh,
    "alpaca-eval": _alpaca_eval,
}

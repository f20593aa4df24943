"""One raw row of a known layout becomes a pair, or the reason why not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from losslab_trainer.data.cells import FOREIGN, Row, Unusable
from losslab_trainer.data.dialogues import MEDIA, Malformed, NotText, unpacked
from losslab_trainer.data.registry import LAYOUTS, SIDES, SYSTEM_LIKE, TEMPLATE_COLUMNS
from losslab_trainer.data.rows import Message, PreferenceRow, Text
from losslab_trainer.data.soundness import json_of
from losslab_trainer.data.sources import is_nothing, is_null
from losslab_trainer.data.tables import without_padding


def parse(number: int, row: Row, layout: str) -> PreferenceRow:
    """Reads one row. Raises Unusable."""
    conversational = LAYOUTS[layout].conversational
    try:
        media = next((name for name in row if name in MEDIA and not is_nothing(row[name])), None)
        if media is not None:
            raise NotText(f"the column {media} is filled, and only text is trained on; --map {media}= leaves it out")
        if set(SIDES) <= set(LAYOUTS[layout].columns):
            _check_sides(row)
        prompt, chosen, rejected = LAYOUTS[layout].read(row)
        opened = _with_system(row, prompt) if conversational else prompt
        arguments = _template_arguments(row) if conversational else {}
    except NotText as error:
        raise Unusable("not-text", str(error)) from None
    except Malformed as error:
        raise Unusable("malformed", str(error)) from None
    for name, side in (
        ("chosen", chosen),
        ("rejected", rejected),
        ("prompt", prompt if isinstance(prompt, str) else prompt[-1:]),
    ):
        if _is_empty(side):
            raise Unusable("empty", f"{name} has no text")
    for name, side in (("chosen", chosen), ("rejected", rejected)):
        _check_turns(name, side)
    if chosen == rejected or _stripped(chosen) == _stripped(rejected):
        raise Unusable("identical", "chosen and rejected are the same")
    return PreferenceRow(number, opened, chosen, rejected, arguments)


def _check_sides(row: Row) -> None:
    missing = [side for side in SIDES if is_null(row.get(side))]
    if missing:
        raise Unusable("not-a-preference", f"no {' and no '.join(missing)} answer")


def _check_turns(name: str, side: Text) -> None:
    """Everything after the prompt is trained on as the policy's own words."""
    for i, message in enumerate(side, start=1):
        if isinstance(message, Message) and message.role in FOREIGN:
            raise Unusable(
                "foreign-turn",
                f"{name} has a turn of the {message.role} ({i} of {len(side)}), which would be trained on",
            )


def _with_system(row: Row, prompt: Text) -> Text:
    """The dialogue opened by the row's system message, where a column has one."""
    given = {name: row[name] for name in SYSTEM_LIKE if not is_nothing(row.get(name))}
    texts: dict[str, str] = {}
    for name, text in given.items():
        if not isinstance(text, str):
            raise Malformed(f"{name} is {type(text).__name__} where a system message is text")
        if text.strip():
            texts[text.strip()] = text
    turns = tuple(message for message in prompt if isinstance(message, Message))
    own = turns[:1] if turns and turns[0].role in {"system", "developer"} else ()
    if len({*texts, *(message.content.strip() for message in own)}) > 1:
        raise Malformed(f"different system messages in {' and '.join([*given, *(['the dialogue'] if own else [])])}")
    return turns if own else (*(Message("system", text) for text in texts.values()), *turns)


def _is_empty(text: Text) -> bool:
    if isinstance(text, str):
        return not text.strip()
    return all(message.is_empty for message in text)


def _stripped(text: Text) -> object:
    if isinstance(text, str):
        return text.strip()
    return [(message.role, message.content.strip(), message.fields) for message in text]


def _template_arguments(row: Row) -> dict[str, Any]:
    """What TRL hands on to the chat template: the column tools, and those of chat_template_kwargs."""
    tools, others = (_unwritten(row, name) for name in TEMPLATE_COLUMNS)
    tools = [tools] if isinstance(tools, Mapping) else tools
    if tools and not (isinstance(tools, list) and all(isinstance(tool, Mapping) for tool in tools)):
        raise Malformed("tools is no list of objects that describe functions")
    if others and not isinstance(others, Mapping):
        raise Malformed("chat_template_kwargs is no object")
    # A description written out of a table has the parameters of all other rows' tools, as null.
    return {**({"tools": without_padding(tools)} if tools else {}), **without_padding(others or {})}


def _unwritten(row: Row, name: str) -> Any:
    """A cell's value, also where a table without nested columns has it as text."""
    value = row.get(name)
    if is_nothing(value):
        return None
    value = unpacked(value)
    if isinstance(value, str):
        try:
            return json_of(value) if value.strip() else None
        except ValueError:
            raise Malformed(f"{name} is no JSON") from None
    return value

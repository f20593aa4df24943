"""Everything that a row says is found again in what the chat template writes, or it is named with its row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from data_files import bpe_tokenizer
from losslab_trainer.data import DataProblem, DataSpec, PreferenceRow, load_preferences
from losslab_trainer.data.tokenise import TokenisedPreferences, TokeniseOptions, tokenise

pytestmark = pytest.mark.slow

OPEN = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
TURN = "<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n"
# As published: thoughts are cut off every turn of the assistant's, or of all but the last.
NO_THOUGHTS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'].split('</think>')[-1] }}<|im_end|>\n"
    "{% endfor %}" + OPEN
)
NO_EARLIER_THOUGHTS = (
    "{% for m in messages %}{% set text = m['content'] %}{% if not loop.last %}"
    "{% set text = text.split('</think>')[-1] %}{% endif %}"
    "<|im_start|>{{ m['role'] }}\n{{ text }}<|im_end|>\n{% endfor %}" + OPEN
)
REASONING = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m.reasoning_content and loop.last %}<think>\n"
    "{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m['content'] }}<|im_end|>\n{% endfor %}" + OPEN
)
KNOWN_ROLES = "{% for m in messages if m['role'] in ['system', 'user', 'assistant'] %}" + TURN + "{% endfor %}" + OPEN
LAST_TURNS = "{% for m in messages[-3:] %}" + TURN + "{% endfor %}" + OPEN
TOOLS = (
    "{% if tools %}<|im_start|>system\n{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}"
    "{% for call in m.tool_calls or [] %}<tool_call>{{ call.function.name }} {{ call.function.arguments | tojson }}"
    "</tool_call>{% endfor %}<|im_end|>\n{% endfor %}" + OPEN
)
JSON_RESULTS = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'tool' %}{{ m['content'] | tojson }}"
    "{% else %}{{ m['content'] | trim }}{% endif %}<|im_end|>\n{% endfor %}" + OPEN
)


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return bpe_tokenizer(["which fish? a carp, or a pike; and which bird?"], size=300)


def rows_of(folder: Path, *rows: dict[str, Any]) -> list[PreferenceRow]:
    file = folder / "pairs.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = load_preferences(DataSpec(str(file)))
    assert not found.unusable
    return list(found.rows)


def run(tokenizer: Any, template: str, rows: list[PreferenceRow], *, accept: bool = False) -> TokenisedPreferences:
    return tokenise(rows, tokenizer, TokeniseOptions(chat_template=template, accept_template=accept, max_length=None))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def said(text: str | None, **fields: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": text, **fields}


def row(prompt: list[dict[str, Any]], chosen: dict[str, Any] | None = None, **columns: Any) -> dict[str, Any]:
    return {"prompt": prompt, "chosen": [chosen or said("a carp")], "rejected": [said("a pike")], **columns}


PLAIN = row([user("which fish?")])
THOUGHT = "<think>it is about fish</think>a carp"
LEFT_OUT: list[tuple[str, str, dict[str, Any], str]] = [
    ("an answer's thought", NO_THOUGHTS, row([user("which fish?")], said(THOUGHT)), "thought of the assistant"),
    (
        "an answer's reasoning",
        KNOWN_ROLES,
        row([user("which fish?")], said("a carp", reasoning_content="it is about fish")),
        "thought of the assistant: 'it is about fish'",
    ),
    (
        "a tool's turn",
        KNOWN_ROLES,
        row([user("which fish?"), said("I look"), {"role": "tool", "content": "a list of fish"}]),
        "words of the tool: 'a list of fish'",
    ),
    (
        "a short turn, whose letters are found in others",
        KNOWN_ROLES,
        row([user("which fish? look"), said("I look"), {"role": "tool", "content": "ok"}]),
        "words of the tool: 'ok'",
    ),
    (
        "the developer's turn",
        KNOWN_ROLES,
        row([{"role": "developer", "content": "name one only"}, user("which fish?")]),
        "words of the developer: 'name one only'",
    ),
    (
        "earlier turns",
        LAST_TURNS,
        row([user("which bird?"), said("a robin"), user("well, and which fish?"), said("many"), user("one?")]),
        "words of the user: 'which bird?'",
    ),
    (
        "tool calls",
        KNOWN_ROLES,
        row([user("which?")], said(None, tool_calls=[{"name": "look_up", "arguments": {"what": "fish"}}])),
        "of a tool call of the assistant: 'look_up'",
    ),
    (
        "tools",
        KNOWN_ROLES,
        row([user("which?")], tools=[{"type": "function", "function": {"name": "look_up"}}]),
        "the tool look_up",
    ),
]


@pytest.mark.parametrize(("template", "lost", "words"), [case[1:] for case in LEFT_OUT], ids=[c[0] for c in LEFT_OUT])
def test_what_the_template_leaves_out_refuses_the_row_or_is_asked_or_is_told(
    tokenizer: Any, tmp_path: Path, template: str, lost: dict[str, Any], words: str
) -> None:
    others = [row([user(f"which fish? {i}")]) for i in range(19)]
    rows = rows_of(tmp_path, lost, *others)
    single = run(tokenizer, template, rows)
    assert [(finding.row, finding.reason) for finding in single.dropped] == [(0, "left-out")]
    assert words in single.dropped[0].explanation
    assert len(single.pairs) == 19
    with pytest.raises(DataProblem, match=r"leaves something out of 1 of 1 rows, first of row 0: .*--accept-template"):
        run(tokenizer, template, rows[:1])
    told = run(tokenizer, template, rows, accept=True)
    assert len(told.pairs) == 20
    assert [(finding.row, finding.reason) for finding in told.left_out] == [(0, "left-out")]
    assert words in told.left_out[0].explanation


@pytest.mark.parametrize(
    ("template", "earlier"),
    [
        (NO_EARLIER_THOUGHTS, said("<think>birds fly</think>a robin")),
        (NO_EARLIER_THOUGHTS, said("birds fly</think>a robin")),
        (REASONING, said("a robin", reasoning_content="birds fly")),
    ],
    ids=["in the text", "with its opening in the prompt", "in a field"],
)
def test_thoughts_of_earlier_turns_that_are_left_out_are_told(
    tokenizer: Any, tmp_path: Path, template: str, earlier: dict[str, Any]
) -> None:
    rows = rows_of(tmp_path, row([user("which bird?"), earlier, user("which fish?")], said(THOUGHT)), PLAIN)
    result = run(tokenizer, template, rows)
    assert len(result.pairs) == 2
    assert [(finding.row, finding.reason) for finding in result.left_out] == [(0, "thought-left-out")]
    assert "it is about fish" in tokenizer.decode(result.pairs[0].chosen_ids)


def test_a_field_that_the_template_does_not_write_is_told(tokenizer: Any, tmp_path: Path) -> None:
    fields = {"weight": 0.5, "model": "some", "when": {"hour": 1}}
    rows = rows_of(tmp_path, row([user("which fish?") | fields], said("a carp", weight=1)), PLAIN)
    result = run(tokenizer, KNOWN_ROLES, rows)
    assert [(f.row, f.reason, f.explanation) for f in result.left_out] == [
        (0, "unused-field", f"the field {name} of messages") for name in fields
    ]


def test_tools_and_tool_calls_are_written_where_the_template_can_and_nothing_is_told(
    tokenizer: Any, tmp_path: Path
) -> None:
    tool = {"type": "function", "function": {"name": "look_up", "parameters": {"properties": {"what": {}}}}}
    asked = [
        user("which fish?"),
        said(None, tool_calls=[{"function": {"name": "look_up", "arguments": '{"what": "fish", "n": 2}'}}]),
        {"role": "tool", "content": "a list"},
    ]
    old = said("", function_call={"name": "look_up", "arguments": '{"what": "a carp"}'})
    rows = rows_of(tmp_path, row(asked, tools=[tool]), row(asked, old, tools=json.dumps([tool])))
    result = run(tokenizer, TOOLS, rows)
    assert (result.dropped, result.left_out) == ((), ())
    prompt = tokenizer.decode(result.pairs[0].prompt_ids)
    assert '"name": "look_up"' in prompt
    assert '<tool_call>look_up {"what": "fish", "n": 2}</tool_call>' in prompt
    written = tokenizer.decode(result.pairs[1].chosen_ids)
    assert written == '<tool_call>look_up {"what": "a carp"}</tool_call><|im_end|>\n'


def test_words_written_as_json_or_without_outer_space_are_not_missing(tokenizer: Any, tmp_path: Path) -> None:
    asked = [user(" which fish?\n\n  one "), said("I look"), {"role": "tool", "content": 'a "list"\nof fish'}]
    result = run(tokenizer, JSON_RESULTS, rows_of(tmp_path, row(asked, said("  a carp\n"))))
    assert (result.dropped, result.left_out) == ((), ())


def test_a_prompt_that_is_written_otherwise_where_an_answer_follows_is_not_trained(
    tokenizer: Any, tmp_path: Path
) -> None:
    template = (
        "{% if messages | length > 3 and messages[-1]['role'] == 'assistant' %}The end.\n{% endif %}"
        "{% for m in messages %}" + TURN + "{% endfor %}" + OPEN
    )
    long = row([user("which bird?"), said("a robin"), user("which fish?")])
    result = run(tokenizer, template, rows_of(tmp_path, long, *[row([user(f"which? {i}")]) for i in range(19)]))
    assert [(finding.row, finding.reason) for finding in result.dropped] == [(0, "left-out")]
    assert "the prompt is written otherwise where an answer follows" in result.dropped[0].explanation

"""Every layout that people hold gives the same pair, and columns beside the answers keep their place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from layout_rows import EARLIER, SYSTEM, USER, A, B, Q, hh, judged, load, pair, said, talk
from losslab_trainer.data import Message

DIALOGUE = ((Message("user", Q),), (Message("assistant", A),), (Message("assistant", B),))
LONG = (Message("user", "Hello"), Message("assistant", "Good day."), Message("user", Q))
LAYOUTS: list[tuple[str, dict[str, Any], tuple[Any, Any, Any]]] = [
    ("explicit-conversational", {"prompt": [USER], "chosen": [said(A)], "rejected": [said(B)]}, DIALOGUE),
    (
        "explicit-conversational",
        {"prompt": [SYSTEM, USER], "chosen": [said(A)], "rejected": [said(B)]},
        ((Message("system", "Be brief."), *DIALOGUE[0]), *DIALOGUE[1:]),
    ),
    (
        "explicit-conversational",
        {"prompt": [*EARLIER, USER], "chosen": [said(A)], "rejected": [said(B)]},
        (LONG, *DIALOGUE[1:]),
    ),
    ("explicit-plain", {"prompt": Q, "chosen": A, "rejected": B}, (Q, A, B)),
    (
        "implicit-conversational",
        {"chosen": [*EARLIER, USER, said(A)], "rejected": [*EARLIER, USER, said(B)]},
        (LONG, *DIALOGUE[1:]),
    ),
    ("implicit-plain", {"chosen": "Sky is blue.", "rejected": "Sky is green."}, ("Sky is", " blue.", " green.")),
    (
        "ultrafeedback",
        {
            "prompt": Q,
            "prompt_id": "9f",
            "chosen": [USER, said(A)],
            "rejected": [USER, said(B)],
            "messages": [USER, said(A)],
            "score_chosen": 8.0,
            "score_rejected": 5.5,
        },
        DIALOGUE,
    ),
    ("text-prompt", {"prompt": Q, "chosen": [said(A)], "rejected": [said(B)]}, DIALOGUE),
    ("message-prompt", {"prompt": [USER], "chosen": A, "rejected": B}, DIALOGUE),
    ("repeated-prompt", {"prompt": [USER], "chosen": [USER, said(A)], "rejected": [USER, said(B)]}, DIALOGUE),
    ("anthropic-hh", {"chosen": hh(Q, A), "rejected": hh(Q, B)}, DIALOGUE),
    (
        "anthropic-hh",
        {"chosen": hh("Hello", "Good day.", Q, A), "rejected": hh("Hello", "Good day.", Q, B)},
        (LONG, *DIALOGUE[1:]),
    ),
    ("anthropic-hh", {"prompt": hh(Q) + "\n\nAssistant:", "chosen": " " + A, "rejected": " " + B}, DIALOGUE),
    ("alpaca-eval", {"instruction": Q, "output_1": A, "output_2": B, "preference": 1.02, "annotator": "x"}, DIALOGUE),
    ("alpaca-eval", {"instruction": Q, "output_1": B, "output_2": A, "preference": 2}, DIALOGUE),
    (
        "implicit-conversational",
        {
            "chosen": [{"from": "human", "value": Q}, {"from": "gpt", "value": A}],
            "rejected": [{"from": "human", "value": Q}, {"from": "gpt", "value": B}],
        },
        DIALOGUE,
    ),
    (
        "implicit-conversational",
        {
            "chosen": [{"from": "human", "value": Q, "role": None}, said(A) | {"from": None, "value": None}],
            "rejected": [{"role": "human", "content": Q}, {"from": "gpt", "role": "assistant", "value": B}],
        },
        DIALOGUE,
    ),
    (
        "explicit-conversational",
        {"system": "Be brief.", "prompt": [USER], "chosen": [said(A)], "rejected": [said(B)]},
        ((Message("system", "Be brief."), *DIALOGUE[0]), *DIALOGUE[1:]),
    ),
    (
        "explicit-conversational",
        {"prompt": json.dumps([USER]), "chosen": json.dumps([said(A)]), "rejected": str([said(B)])},
        DIALOGUE,
    ),
    (
        "explicit-conversational",
        {
            "prompt": [{"role": "user", "content": [{"type": "text", "text": Q}]}],
            "chosen": said(A),
            "rejected": said(B),
        },
        DIALOGUE,
    ),
]


@pytest.mark.parametrize(("layout", "row", "sides"), LAYOUTS)
def test_every_layout_gives_the_same_pair(tmp_path: Path, layout: str, row: dict[str, Any], sides: Any) -> None:
    found = load(tmp_path, [row])
    assert found.layout == layout
    assert [(r.prompt, r.chosen, r.rejected) for r in found.rows] == [sides]
    assert (found.total, found.unusable, found.flagged) == (1, (), ())
    used = {"prompt_id", "messages", "annotator"} & set(row)  # the only columns here that nothing is read from
    assert {column.name for column in found.unused} == used


def test_columns_under_other_names_are_mapped(tmp_path: Path) -> None:
    names = {"prompt": "question", "chosen": "good", "rejected": "bad"}
    found = load(tmp_path, [{"question": Q, "good": A, "bad": B, "prompt": "not this"}], columns=names)
    assert [(r.prompt, r.chosen, r.rejected) for r in found.rows] == [(Q, A, B)]
    judged_names = {"output_1": "a", "output_2": "b", "preference": "winner"}
    found = load(tmp_path, [{"instruction": Q, "a": A, "b": B, "winner": 2}], columns=judged_names)
    assert found.rows[0].chosen == (Message("assistant", B),)


def test_alpaca_keeps_instruction_input_history_and_system(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"instruction": Q, "input": "Of a lake.", "history": [["Hello", "Good day."]], "system": "Be brief."},
        {"instruction": Q, "input": "", "history": None, "system": None},
        {"instruction": "", "input": "Of a river.", "history": "", "system": ""},
        {"instruction": Q, "input": "", "history": ["Hello"]},
    ]
    found = load(tmp_path, [row | {"chosen": A, "rejected": B} for row in rows], layout="alpaca")
    assert [row.prompt for row in found.rows] == [
        (Message("system", "Be brief."), *LONG[:2], Message("user", f"{Q}\n\nOf a lake.")),
        DIALOGUE[0],
        (Message("user", "Of a river."),),
    ]
    assert [(finding.row, finding.reason) for finding in found.unusable] == [(3, "malformed")]
    assert found.notes == ("the column system opens dialogues as their system message in 1 rows",)
    judged_rows = [judged(1, input="Of a lake.", history=[["Hello", "Good day."]])]
    assert load(tmp_path, judged_rows).rows[0].prompt == (*LONG[:2], Message("user", f"{Q}\n\nOf a lake."))


def test_columns_that_are_not_used_are_named_with_their_rows(tmp_path: Path) -> None:
    rows = [talk(context="a lake", id=i, empty="", prompt=[USER | {"content": f"{Q} {i}"}]) for i in range(3)]
    rows[0] |= {"images": ["a.png"], "context": None}
    found = load(tmp_path, rows, columns={"images": ""})
    assert len(found.rows) == 3
    assert {column.name: column.rows for column in found.unused} == {"context": 2, "id": 3, "images": 1}
    plain = load(tmp_path, [pair(tools="[]", system=None, question="Which?")])
    assert {column.name: column.rows for column in plain.unused} == {"tools": 1, "question": 1}


def test_what_the_template_gets_besides_is_read_from_text_too(tmp_path: Path) -> None:
    tool = {"name": "look_up", "parameters": {"properties": {"what": None, "where": {}}}}
    rows = [
        talk(tools=json.dumps([tool]), chat_template_kwargs='{"thinking": false}'),
        talk(tools=str([tool]), chat_template_kwargs={"thinking": False, "date": None}),
        talk(tools=tool, chat_template_kwargs={"thinking": False}, chosen=[said(A) | {"weight": float("nan")}]),
    ]
    found = load(tmp_path, [row | {"prompt": [USER | {"content": f"{Q} {i}"}]} for i, row in enumerate(rows)])
    own = {"name": "look_up", "parameters": {"properties": {"where": {}}}}
    assert [row.template_arguments for row in found.rows] == [{"tools": [own], "thinking": False}] * 3
    assert found.rows[2].chosen == (Message("assistant", A),)
    assert found.notes == tuple(
        f"the column {name} goes to the chat template in 3 rows" for name in ("tools", "chat_template_kwargs")
    )


def test_the_same_words_with_other_tools_are_another_pair(tmp_path: Path) -> None:
    tools = [[{"name": "look_up"}], [{"name": "search"}], [{"name": "look_up"}]]
    found = load(tmp_path, [talk(tools=own) for own in tools])
    assert [row.row for row in found.rows] == [0, 1]
    assert [(finding.row, finding.reason) for finding in found.unusable] == [(2, "duplicate")]


def test_dialogues_with_and_without_tool_calls_are_of_one_kind(tmp_path: Path) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [{"name": "look_up", "arguments": "{}"}]}
    rows = [talk(prompt=[USER | {"content": f"{Q} {i}"}]) for i in range(5)]
    rows += [talk(chosen=[call], prompt=[USER | {"content": f"{Q} {i}"}]) for i in range(5, 10)]
    shared = [{"from": "human", "value": Q}, {"from": "function_call", "value": '{"name": "look_up"}'}]
    found = load(tmp_path, rows)
    assert (len(found.rows), found.unusable) == (10, ())
    assert found.rows[5].chosen[0].to_json()["tool_calls"] == [  # type: ignore[union-attr]
        {"type": "function", "function": {"name": "look_up", "arguments": {}}}
    ]
    sharegpt = load(tmp_path, [{"chosen": shared, "rejected": [shared[0], {"from": "gpt", "value": A}]}])
    assert sharegpt.rows[0].chosen[0].more == found.rows[5].chosen[0].more  # type: ignore[union-attr]

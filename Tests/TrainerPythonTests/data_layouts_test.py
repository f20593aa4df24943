"""Every layout that people hold, every reason why a row cannot be used, and what is asked where it could be two."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from losslab_trainer.data import DataProblem, DataSpec, Message, Preferences, load_preferences

Q, A, B = "Which fish?", "A carp.", "A pike."
USER = {"role": "user", "content": Q}


def said(content: str) -> dict[str, str]:
    return {"role": "assistant", "content": content}


def hh(*turns: str) -> str:
    return "".join(f"\n\n{'Assistant' if i % 2 else 'Human'}: {turn}" for i, turn in enumerate(turns))


def load(folder: Path, rows: list[Any], **spec: Any) -> Preferences:
    file = folder / "pairs.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return load_preferences(DataSpec(str(file), **spec))


DIALOGUE = ((Message("user", Q),), (Message("assistant", A),), (Message("assistant", B),))
SYSTEM = {"role": "system", "content": "Be brief."}
EARLIER = [{"role": "user", "content": "Hello"}, said("Good day.")]
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


def pair(**columns: Any) -> dict[str, Any]:
    return {"prompt": Q, "chosen": A, "rejected": B} | columns


def talk(**columns: Any) -> dict[str, Any]:
    return {"prompt": [USER], "chosen": [said(A)], "rejected": [said(B)]} | columns


def judged(preference: Any, **columns: Any) -> dict[str, Any]:
    return {"instruction": Q, "output_1": A, "output_2": B, "preference": preference} | columns


WHOLE = {"chosen": [USER, said(A)], "rejected": [USER, said(B)]}
OTHER = {"role": "user", "content": "Which bird?"}
BAD_ROWS: list[tuple[dict[str, Any], Any, str, str]] = [
    (pair(), pair(chosen="  \n"), "empty", "chosen has no text"),
    (pair(), pair(prompt=""), "empty", "prompt has no text"),
    (talk(), talk(rejected=[said("")]), "empty", "rejected has no text"),
    (talk(), talk(rejected=[]), "empty", "rejected has no text"),
    (WHOLE, WHOLE | {"rejected": [USER, said("")]}, "empty", "rejected has no text"),
    (pair(), pair(rejected=A + " "), "identical", "the same"),
    (WHOLE, WHOLE | {"rejected": [USER, said(A)]}, "identical", "the same"),
    (WHOLE, WHOLE | {"rejected": [OTHER, said(B)]}, "prompt-mismatch", "begin with different turns"),
    (
        WHOLE,
        {"chosen": [*EARLIER, USER, said(A)], "rejected": [*EARLIER, OTHER, said(B)]},
        "prompt-mismatch",
        "chosen has another user turn (3 of 4)",
    ),
    (pair(**WHOLE), pair(**WHOLE, prompt="Which bird?"), "prompt-mismatch", "no turn of the dialogues"),
    (
        {"chosen": "Sky is blue.", "rejected": "Sky is grey."},
        {"chosen": "Blue.", "rejected": "Grey."},
        "prompt-mismatch",
        "no common beginning",
    ),
    (
        {"chosen": hh(Q, A), "rejected": hh(Q, B)},
        {"chosen": hh(Q, A), "rejected": hh("No?", B)},
        "prompt-mismatch",
        "different",
    ),
    ({"chosen": hh(Q, A), "rejected": hh(Q, B)}, {"chosen": hh(Q, ""), "rejected": hh(Q, B)}, "empty", "chosen"),
    (
        {"chosen": hh(Q, A), "rejected": hh(Q, B)},
        {"chosen": hh(Q, A), "rejected": f"{hh(Q)}\n\nHuman: And?\n\nAssistant: {B}"},
        "prompt-mismatch",
        "part before the last answer",
    ),
    (
        {"chosen": hh(Q, A), "rejected": hh(Q, B)},
        {"chosen": "Human fish", "rejected": hh(Q, B)},
        "malformed",
        "before the first",
    ),
    (pair(), pair(rejected=None), "not-a-preference", "no rejected answer"),
    (pair(), {"prompt": Q, "chosen": A}, "not-a-preference", "no rejected answer"),
    (judged(1), judged(None), "not-a-preference", "null"),
    (judged(1), judged(1.5), "not-a-preference", "a tie"),
    (judged(1), judged(0), "not-a-preference", "a tie"),
    (judged(1), judged(3), "not-a-preference", "from 1 (output_1) to 2 (output_2)"),
    (judged(1), judged("model_2"), "malformed", "'model_2', no number"),
    (pair(), pair(chosen=17), "malformed", "chosen is int"),
    (talk(), talk(chosen=[{"content": A}]), "malformed", "chosen: a message without a role"),
    (talk(), talk(chosen=A), "malformed", "chosen: text where the layout has messages"),
    (
        talk(),
        talk(chosen=[{"role": "assistant", "content": None, "tool_calls": [{"n": 1}]}]),
        "malformed",
        "a tool call without a function's name",
    ),
    (talk(), talk(prompt=[{"role": "user", "content": [{"type": "image"}]}]), "not-text", "type 'image'"),
    (talk(), talk(chosen=[said(A), USER, said(B)]), "foreign-turn", "chosen has a turn of the user (2 of 3)"),
    (talk(), talk(rejected=[said(A), {"role": "tool", "content": "x"}, said(B)]), "foreign-turn", "turn of the tool"),
    (talk(), talk(rejected=[SYSTEM, said(B)]), "foreign-turn", "rejected has a turn of the system (1 of 2)"),
    (WHOLE, WHOLE | {"chosen": [USER]}, "empty", "chosen has no answer: its last turn is the user's"),
    (WHOLE, WHOLE | {"rejected": [USER, said(B), USER]}, "empty", "rejected has no answer"),
    (WHOLE, WHOLE | {"rejected": [said(B)]}, "prompt-mismatch", "rejected is one turn, without a prompt"),
    (talk(), talk(prompt=[SYSTEM, {"role": "user", "content": ""}]), "empty", "prompt has no text"),
    (talk(), talk(prompt=[{"role": "user", "text": Q}, USER | {"content": None}]), "empty", "prompt has no text"),
    (talk(), talk(prompt=[{"role": "user"}]), "malformed", "a message without content"),
    (talk(), talk(prompt=[USER | {"from": "gpt"}]), "malformed", "whose role and from differ"),
    (talk(), talk(prompt=[USER | {"value": "x"}]), "malformed", "whose content and value differ"),
    (talk(), talk(prompt=[USER | {"images": ["a.png"]}]), "not-text", "a message with images"),
    (talk(), talk(image="a.png"), "not-text", "the column image is filled"),
    (
        talk(),
        talk(system="Be brief.", prompt=[SYSTEM | {"content": "Be long."}, USER]),
        "malformed",
        "different system",
    ),
    (talk(), talk(tools="look up"), "malformed", "tools is no JSON"),
    (talk(), talk(tools=[3]), "malformed", "tools is no list of objects"),
    (talk(), talk(chat_template_kwargs="[1]"), "malformed", "chat_template_kwargs is no object"),
    (pair(), pair(chosen=float("nan")), "not-a-preference", "no chosen answer"),
    (talk(), talk(prompt=[USER, float("nan")]), "malformed", "a message that is no object"),
    (pair(), pair(prompt=json.dumps([USER])), "malformed", "prompt is a list of messages where the layout has text"),
    (pair(), '{"prompt": "a", "chosen": "b", "rejected": ', "malformed", "not JSON"),
    (pair(), "[1, 2]", "malformed", "not an object but a list"),
    (pair(), pair(), "duplicate", "the same as row 0"),
]


@pytest.mark.parametrize(("good", "bad", "reason", "words"), BAD_ROWS)
def test_a_bad_row_is_named_by_number_and_reason_and_the_rest_is_read(
    tmp_path: Path, good: dict[str, Any], bad: Any, reason: str, words: str
) -> None:
    others = [json.loads(json.dumps(good).replace("fish", f"fish {i}").replace("Sky", f"Sky {i}")) for i in range(20)]
    found = load(tmp_path, [good, bad, *others])
    assert [(finding.row, finding.reason) for finding in found.unusable] == [(1, reason)]
    assert words in found.unusable[0].explanation
    assert [row.row for row in found.rows] == [0, *range(2, 22)]
    assert found.total == len(found.rows) + len(found.unusable)


FLAGGED: list[tuple[Any, str, str]] = [
    (pair(chosen=A + "\n\nHuman: And now?"), "imitates-turn", "chosen contains 'Human:'"),
    (pair(rejected="<|im_start|>user"), "imitates-turn", "rejected contains '<|im_start|>'"),
    (pair(p_chosen=0.52), "near-tie", "p_chosen is 0.520"),
    (judged(1.47), "near-tie", "preference is 1.470"),
    (pair(score_chosen=3, score_rejected=3), "near-tie", "score_chosen is 3"),
    (pair(score_chosen=3, score_rejected=4), "scores-reversed", "score_rejected 4"),
    (talk(prompt=[{"role": "oracle", "content": Q}]), "odd-roles", "'oracle'"),
    (talk(prompt=[USER, USER]), "odd-roles", "two turns of the user"),
    (talk(prompt=[USER, said(A)]), "odd-roles", "ends with a turn of the assistant"),
    (talk(chosen=[said(A), said(B)]), "several-turns", "chosen has 2 messages"),
    (pair(chosen="A\x07 carp"), "control-characters", "chosen contains U+0007"),
    ({"chosen": "The bluefish", "rejected": "The blues"}, "split-word", "ends in 'The blue"),
]


@pytest.mark.parametrize(("row", "reason", "words"), FLAGGED)
def test_an_odd_row_is_kept_and_flagged(tmp_path: Path, row: Any, reason: str, words: str) -> None:
    found = load(tmp_path, [row])
    assert len(found.rows) == 1
    assert [(finding.row, finding.reason) for finding in found.flagged] == [(0, reason)]
    assert words in found.flagged[0].explanation


def test_a_row_that_contradicts_an_earlier_one_is_flagged(tmp_path: Path) -> None:
    found = load(tmp_path, [pair(), pair(chosen=B, rejected=A)])
    assert [(f.row, f.reason) for f in found.flagged] == [(1, "contradiction")]


ASKED: list[tuple[list[Any], dict[str, Any], str]] = [
    ([{"question": Q, "chosen": A, "rejected": A + B}], {}, r"--map prompt=question or --layout implicit-plain"),
    (
        [{"system": "Be brief.", "prompt": Q, "chosen": A, "rejected": B}],
        {},
        r"--layout text-as-turns .*--map system= \(without it\)",
    ),
    (
        [{"chosen": [said(A)], "rejected": [said(B)], "q": Q}],
        {},
        r"name it with --map prompt=COLUMN\. Columns: chosen, rejected, q",
    ),
    ([pair(prompt=""), pair(prompt=None)], {}, r"column prompt is empty in every row, and .*--layout implicit-plain"),
    (
        [talk(prompt=[]), talk(prompt=None)],
        {},
        r"answers without a prompt, and the column prompt is empty in every row",
    ),
    (
        [{"instruction": Q, "input": "Of a lake.", "chosen": A, "rejected": B}],
        {},
        r"--layout alpaca \(instruction with input\)",
    ),
    (
        [pair(input="Of a lake.", history=[["a", "b"]])],
        {},
        r"--layout alpaca .*--map input= --map history= \(without\)",
    ),
    (
        [{"instruction": Q, "history": [["a", "b"]], "chosen": A, "rejected": B}],
        {"columns": {"prompt": "instruction"}},
        r"more of it may be in the column history",
    ),
    ([{"system": "Be brief.", "chosen": A, "rejected": B}], {}, r"choose with --map system= \(without it\)"),
    ([pair()] * 3 + [talk()] * 3, {}, r"not of one kind: column prompt holds text in 3, dialogues in 3 rows"),
    ([{"question": Q, "good": A, "bad": B}], {}, r"columns are question, good, bad; .*--map chosen=good"),
    ([{"prompt": Q, "completion": A, "label": True}], {}, r"unpaired answers"),
    ([{"prompt": Q, "chosen": [said(A)], "rejected": B}], {}, r"chosen holds answers and rejected text"),
    (
        [pair()],
        {"columns": {"prompt": "question"}},
        r"no column question, which --map gives as prompt; it has prompt, chosen",
    ),
    ([pair()], {"columns": {"promt": "question"}}, r"no column called promt is used; there are prompt, chosen"),
    ([pair()], {"layout": "plain"}, r"no layout 'plain'; there are explicit-conversational"),
]


@pytest.mark.parametrize(("rows", "spec", "words"), ASKED)
def test_what_could_be_read_in_two_ways_is_asked_with_the_choices(
    tmp_path: Path, rows: list[Any], spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(DataProblem, match=words) as problem:
        load(tmp_path, rows, **spec)
    assert "\n" not in str(problem.value)


def test_the_choices_that_are_offered_settle_the_question(tmp_path: Path) -> None:
    asked = [{"question": Q, "chosen": "A carp.", "rejected": "A pike."}]
    assert load(tmp_path, asked, columns={"prompt": "question"}).rows[0].prompt == Q
    assert load(tmp_path, asked, layout="implicit-plain").rows[0].prompt == "A"
    assert load(tmp_path, asked, columns={"prompt": ""}).rows[0].prompt == "A"
    system = [pair(system="Be brief.")]
    assert load(tmp_path, system, layout="text-as-turns").rows[0].prompt == (
        Message("system", "Be brief."),
        Message("user", Q),
    )
    assert load(tmp_path, system, columns={"system": ""}).rows[0].prompt == Q


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


def test_a_limit_takes_the_first_rows(tmp_path: Path) -> None:
    found = load(tmp_path, [pair(), pair(chosen=""), pair(prompt="Other?")], limit=2)
    assert (found.total, len(found.rows), len(found.unusable)) == (2, 1, 1)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"path": ""}, "`path` must name"),
        ({"path": "a", "colums": {}}, "unknown key 'colums'"),
        ({"path": "a", "limit": 0}, "`limit` must be a whole number"),
        ({"path": "a", "split": 3}, "`split` must be text"),
        ({"path": "a", "columns": ["x"]}, "`columns` must map"),
    ],
)
def test_a_wrong_description_is_refused(value: dict[str, Any], words: str) -> None:
    with pytest.raises(DataProblem, match=words):
        DataSpec.from_json(value)


def test_a_description_survives_json() -> None:
    spec = DataSpec("a", "c", "train", "main", {"prompt": "q"}, "explicit-plain", 7)
    assert DataSpec.from_json(json.loads(json.dumps(spec.to_json()))) == spec

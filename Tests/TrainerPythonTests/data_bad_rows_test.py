"""Every reason why a row cannot be used, or is used and flagged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from layout_rows import EARLIER, SYSTEM, USER, WHOLE, A, B, Q, hh, judged, load, pair, said, talk

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

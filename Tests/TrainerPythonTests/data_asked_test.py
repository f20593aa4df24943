"""What could be read in two ways is asked, and a description of data that is wrong is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from layout_rows import A, B, Q, load, pair, said, talk
from losslab_trainer.data import DataProblem, DataSpec, Message

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

"""What a training is told of its data before anything is trained: held-out rows, unused columns, left-out words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from finetune_models import Bench, bench, synthetic_rows, train_tokenizer, write_rows
from losslab_trainer.data.tokenise import TokeniseOptions
from losslab_trainer.finetune.preparation import prepare
from losslab_trainer.finetune.problem import FinetuneProblem

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("data"), rows=40)


def long(row: dict[str, Any]) -> dict[str, Any]:
    return row | {"prompt": [{"role": "user", "content": "why is it so? " * 60}, *row["prompt"][:0]]}


def test_held_out_rows_that_cannot_be_used_are_counted_and_named(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["why is it so?"])
    rows = synthetic_rows(20)
    same = [row | {"rejected": row["chosen"]} for row in rows[:4]]
    too_long = [long(row) for row in rows[4:10]]
    train = write_rows(tmp_path / "train.jsonl", [row | {"id": 7} for row in synthetic_rows(20, seed=1)])
    held_out = write_rows(tmp_path / "test.jsonl", [*same, *too_long, *rows[10:]])
    spec = {"train": {"path": str(train)}, "heldOut": {"path": str(held_out)}}
    data = prepare(spec, tokenizer, TokeniseOptions(max_length=300))
    assert (len(data.train), len(data.held_out), data.unusable) == (20, 10, 0)
    assert data.notes == (
        "training data: columns that are not used: id (filled in 20 rows)",
        "held-out data: 10 of 20 rows cannot be used: "
        "6 too-long (row 4: the prompt's 379 tokens fill the maximum of 300); "
        "4 identical (row 0: chosen and rejected are the same); `losslab data inspect` names them",
    )


def test_rows_held_out_of_the_source_itself_are_counted_with_it(tmp_path: Path) -> None:
    tokenizer = train_tokenizer(["why is it so?"])
    rows = [long(row) if i % 2 else row for i, row in enumerate(synthetic_rows(40))]
    for i, row in enumerate(rows):
        row["prompt"][0]["content"] += f" {i}"
    path = write_rows(tmp_path / "pairs.jsonl", rows)
    spec = {"train": {"path": str(path)}, "heldOutShare": 0.5}
    data = prepare(spec, tokenizer, TokeniseOptions(max_length=300))
    assert (len(data.train) + len(data.held_out), data.unusable) == (20, 20)
    assert len(data.notes) == 1
    assert "20 of 40 rows cannot be used: 20 too-long" in data.notes[0]


def test_no_held_out_pair_is_refused_before_anything_is_trained(made: Bench) -> None:
    none = write_rows(made.folder / "none.jsonl", [row | {"rejected": row["chosen"]} for row in synthetic_rows(3)])
    cut = write_rows(made.folder / "cut.jsonl", [long(row) for row in synthetic_rows(3)])
    for path, words in ((none, "none of its 3 rows is usable: row 0"), (cut, "no held-out pair is left at")):
        problem = made.run(data={"heldOut": {"path": str(path)}}, training={"maxLength": 200})["problem"]
        assert words in problem
        assert str(path) in problem
    few = write_rows(made.folder / "few.jsonl", synthetic_rows(3))
    problem = made.run(data={"train": {"path": str(few)}, "heldOutShare": 1e-9})["problem"]
    assert "none of its 3 usable rows falls on the held-out side" in problem
    assert not made.metrics  # no step was made


def test_what_is_not_trained_on_as_it_lies_there_is_in_the_result(made: Bench) -> None:
    rows = [row | {"system": "be brief", "note": "x"} for row in synthetic_rows(40)]
    for row in rows[:5]:
        row["chosen"] = [row["chosen"][0] | {"weight": 0.5}]
    path = write_rows(made.folder / "noted.jsonl", rows)
    notes = made.run(data={"train": {"path": str(path)}})["notes"]
    assert [note.removeprefix("training data: ") for note in notes] == [
        "the column system opens dialogues as their system message in 40 rows",
        "columns that are not used: note (filled in 40 rows)",
        "not written by the chat template: the field weight of messages (5 rows)",
    ]


def test_no_side_of_a_draw_without_pairs_is_trained(tmp_path: Path) -> None:
    path = write_rows(tmp_path / "pairs.jsonl", [long(row) for row in synthetic_rows(5)])
    draw = {"side": "search", "confirmationShare": 1e-9, "count": 5, "seed": 1}
    with pytest.raises(FinetuneProblem, match="no pair is left at"):
        spec = {"train": {"path": str(path)}, "heldOutShare": 0, "draw": draw}
        prepare(spec, train_tokenizer(["why?"]), TokeniseOptions(max_length=50))


def test_each_side_of_a_draw_says_what_it_cannot_use(tmp_path: Path) -> None:
    rows = [long(row) if i % 2 else row for i, row in enumerate(synthetic_rows(40))]
    for i, row in enumerate(rows):
        row["prompt"][0]["content"] += f" {i}"
    path = write_rows(tmp_path / "pairs.jsonl", [*rows, rows[0] | {"rejected": rows[0]["chosen"]}])
    dropped = 0
    for side in ("search", "confirmation"):
        draw = {"side": side, "confirmationShare": 0.5, "count": 5, "seed": 1}
        spec = {"train": {"path": str(path)}, "heldOutShare": 0, "draw": draw}
        data = prepare(spec, train_tokenizer(["why is it so?"]), TokeniseOptions(max_length=300))
        (note,) = data.notes
        assert note.startswith(f"training data, side of the {side}: {data.unusable} of 41 rows cannot be used: ")
        assert "1 identical (row 40" in note
        dropped += data.unusable - 1
    assert dropped == 20
